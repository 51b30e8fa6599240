"""What each operation demands of its operand: every construct, and the library.

``$x`` is the operand where it is wrong, and what it holds where the program is right. A
demand with another name than its code is a statement; most are expressions.
"""

from __future__ import annotations

import sys

from proof.matrix.demand import Demand, each_line
from proof.matrix.further_demands import FURTHER

__all__ = ["DEMANDS"]


#: Kinds by what goes with them.
_STREAMS = ("async generator", "async iterator", "async iterable")
_AWAITABLES = ("coroutine", "future", "task", "async mock")
_MANAGERS = ("async manager class", "async manager function")
#: Not None: a function that makes a stream and forgets to return it has two mistakes.
_HELD = (*_AWAITABLES, "step", "coroutine function", *_MANAGERS, "uncalled manager")

_CONSTRUCTS = [
    Demand(
        "for", "for", "iterable", "for $r in $x:\n    print($r)",
        stream="async for $r in $x:\n    print($r)",
    ),
    Demand(
        "for else", "for", "iterable",
        "$t = 0\nfor $r in $x:\n    $t += $r\nelse:\n    print($t)",
        stream="$t = 0\nasync for $r in $x:\n    $t += $r\nelse:\n    print($t)",
    ),
    Demand(
        "yield from", "for", "iterable", "print(list($g($x)))",
        define="def $g($s):\n    yield from $s\n    yield 0\n",
    ),
    Demand("unpack", "unpack", "iterable", "$a, $b, $c = $x\nprint($a, $b, $c)"),
    Demand("unpack rest", "unpack", "iterable", "$a, *$b = $x\nprint($a, $b)"),
    Demand("unpack in for", "unpack", "iterable", "for $a, $b in $x:\n    print($a, $b)", "pairs",
           stream="async for $a, $b in $x:\n    print($a, $b)"),
    Demand("print(*$x)", "unpack", "iterable", "print(*$x)"),
    Demand("slice assigned", "unpack", "iterable", "$a = [0]\n$a[1:] = $x\nprint($a)"),
    Demand("del", "subscript", "value", "$a = $x\ndel $a['id']\nprint($a)", "record"),
    Demand("store", "subscript", "value", "$a = $x\n$a['id'] = 8\nprint($a['id'])", "record"),
    Demand("augmented", "operator", "value", "$t = 1\n$t += $x\nprint($t)", "number"),
    Demand("extended", "unpack", "iterable", "$t = [0]\n$t += $x\nprint($t)"),
    Demand("if", "shown", "value", "if $x:\n    print('some')\nelse:\n    print('none')", "zero",
           quiet=True),
    Demand("if stream", "shown", "value", "if $x:\n    print('some')\nelse:\n    print('none')",
           "empty", quiet=True),
    Demand("if not", "shown", "value", "if not $x:\n    print('none')", "empty", quiet=True),
    Demand("match", "shown", "value",
           "match $x:\n    case [$a, *_]:\n        print('first', $a)\n    case _:\n"
           "        print('other')", quiet=True),
    Demand("match mapping", "shown", "value",
           "match $x:\n    case {'id': $a}:\n        print('id', $a)\n    case _:\n"
           "        print('other')", "record", quiet=True),
    Demand("except", "shown", "value",
           "try:\n    {}['gone']\nexcept $x:\n    print('caught')", "error class"),
    Demand("raise", "shown", "value",
           "try:\n    raise $x\nexcept KeyError as error:\n    print('caught', error)", "error"),
    Demand("set attribute", "attribute", "value", "$a = $x\n$a.total = 9\nprint($a.total)",
           "object", quiet=True),
    Demand("dropped", "shown", "value", "$x\nprint('done')", "deed", quiet=True),
    Demand("with", "with", "manager", "with $x as $w:\n    print($w.send('it'))",
           "plain manager", inside="print($w.send('it'))"),
    Demand("with, no name", "with", "manager", "with $x:\n    print('inside')", "plain manager",
           inside="print('inside')"),
    Demand("enter_context", "with", "manager",
           "with contextlib.ExitStack() as $s:\n    print($s.enter_context($x).send('it'))",
           "plain manager", inside="print($w.send('it'))"),
]  # fmt: skip

_OPERATORS = [
    *each_line("for", "iterable", "rows", """
        [$r * 2 for $r in $x]
        sorted({$r for $r in $x})
        {$r: 1 for $r in $x}
        [$r for $a in [1] for $r in $x]
        sum($r for $r in $x)
        """),
    *each_line("unpack", "iterable", "rows", """
        [*$x, 0]
        max(*$x, 0)
        """),
    *each_line("unpack", "value", "record", """
        {**$x, 'more': 1}
        dict(**$x)
        """),
    *each_line("operator", "iterable", "rows", """
        1 in $x
        9 not in $x
        """),
    *each_line("operator", "value", "text", "'or' in $x"),
    *each_line("subscript", "value", "rows", """
        $x[0]
        $x[-1]
        $x[:2]
        """),
    *each_line("subscript", "value", "record", "$x['id']"),
    *each_line("subscript", "value", "number", "[10, 20, 30, 40, 50][$x]"),
    *each_line("operator", "value", "rows", """
        $x + [0]
        [0] + $x
        $x * 2
        """),
    *each_line("operator", "value", "number", """
        $x + 1
        1 + $x
        $x / 2
        -$x
        2 ** $x
        """),
    *each_line("operator", "value", "text", """
        'to the ' + $x
        $x + '!'
        """),
    *each_line("operator", "value", "record", "$x | {'more': 1}"),
    *each_line("operator", "value", "number", """
        $x > 1
        1 < $x < 9
        """),
    *each_line("operator", "value", "number", "$x == 4", quiet=True),
    *each_line("operator", "value", "rows", """
        $x == [3, 1, 2]
        [3, 1, 2] != $x
        """, quiet=True),
    *each_line("operator", "value", "text", "$x in ('north', 'south')", quiet=True),
    *each_line("shown", "value", "zero", """
        'some' if $x else 'none'
        not $x
        $x or 'nothing'
        bool($x)
        """, quiet=True),
    *each_line("shown", "value", "number", """
        f'{$x}'
        '{}'.format($x)
        str($x)
        repr($x)
        """, quiet=True),
    *each_line("shown", "value", "rows", """
        f'{$x}'
        str($x)
        ('rows', $x)
        """, quiet=True),
    *each_line("shown", "value", "number", """
        f'{$x:>3}'
        '%d' % $x
        format($x, '03')
        """),
    *each_line("attribute", "value", "text", """
        $x.upper()
        $x.split('r')
        """),
    *each_line("attribute", "value", "record", """
        $x.get('id')
        sorted($x.items())
        """),
    *each_line("attribute", "value", "object", """
        $x.total
        $x.double()
        getattr($x, 'total')
        """),
    *each_line("attribute", "value", "rows", """
        $x.index(1)
        $x.copy()
        """),
]  # fmt: skip

_BUILTINS = [
    *each_line("builtin", "iterable", "rows", """
        list($x)
        tuple($x)
        set($x)
        sum($x)
        sum($x, 10)
        min($x)
        max($x, default=0)
        sorted($x)
        sorted($x, reverse=True)
        list(enumerate($x))
        list(enumerate($x, start=1))
        list(zip('abc', $x))
        list(map(str, $x))
        list(filter(None, $x))
        next(iter($x))
        bytes($x)
        [0].extend($x)
        sorted({9}.union($x))
        {9}.isdisjoint($x)
        dict.fromkeys($x)
        """),
    *each_line("builtin", "iterable", "texts", "', '.join($x)"),
    *each_line("builtin", "iterable", "pairs", """
        dict($x)
        list(zip(*$x))
        """),
    *each_line("builtin", "iterable", "flags", """
        any($x)
        all($x)
        """),
    *each_line("builtin", "value", "rows", """
        len($x)
        list(reversed($x))
        """),
    *each_line("builtin", "value", "number", """
        list(range($x))
        int($x)
        float($x)
        abs($x)
        round($x)
        divmod($x, 3)
        max($x, 1)
        chr($x + 60)
        """),
    *each_line("builtin", "value", "rows", "isinstance($x, list)", quiet=True),
]  # fmt: skip

_LIBRARY = [
    *each_line("library", "iterable", "rows", """
        list(itertools.chain($x, [0]))
        list(itertools.islice($x, 2))
        list(itertools.zip_longest($x, 'ab'))
        list(itertools.takewhile(bool, $x))
        list(itertools.dropwhile(bool, $x))
        list(itertools.accumulate($x))
        [key for key, _ in itertools.groupby($x)]
        len(list(itertools.product($x, 'ab')))
        len(list(itertools.permutations($x)))
        list(itertools.combinations($x, 2))
        list(itertools.pairwise($x))
        list(itertools.compress('abc', $x))
        list(itertools.filterfalse(None, $x))
        [next(each) for each in itertools.tee($x)]
        list(itertools.islice(itertools.cycle($x), 4))
        """),
    *each_line("library", "iterable", "nested", "list(itertools.chain.from_iterable($x))"),
    *each_line("library", "iterable", "points", "list(itertools.starmap(max, $x))"),
    *each_line("library", "iterable", "rows", """
        functools.reduce(max, $x)
        statistics.mean($x)
        statistics.median($x)
        heapq.nlargest(2, $x)
        list(heapq.merge($x, [9]))
        sorted(collections.Counter($x))
        collections.deque($x, maxlen=2)
        math.fsum($x)
        math.prod($x)
        array.array('i', $x)
        """),
    *each_line("library", "value", "rows", """
        random.choice($x) < 9
        sorted(random.sample($x, 3))
        bisect.bisect($x, 9)
        operator.itemgetter(1)($x)
        json.dumps($x)
        json.dumps({'rows': $x})
        json.dumps([1, $x])
        """),
    *each_line("library", "value", "rows", """
        copy.deepcopy($x)
        len(pickle.dumps($x)) > 5
        """, quiet=True),
    *each_line("library", "iterable", "texts", "list(csv.reader($x))"),
    *each_line("library", "iterable", "nested", "csv.writer(io.StringIO()).writerows($x)"),
    *each_line("library", "value", "record", """
        json.dumps($x)
        collections.ChainMap($x)['id']
        types.SimpleNamespace(**$x)
        urllib.parse.urlencode($x)
        string.Template('$$id').substitute($x)
        """),
    *each_line("library", "value", "text", """
        re.match('n', $x).group()
        pathlib.PurePosixPath($x).name
        posixpath.join($x, 'pole')
        shlex.split($x)
        html.escape($x)
        textwrap.shorten($x, 9)
        io.StringIO($x).read()
        """),
    *each_line("library", "value", "date", "datetime.date.fromisoformat($x).year"),
    *each_line("library", "value", "json", "json.loads($x)"),
    *each_line("library", "value", "bytes", """
        base64.b64encode($x)
        hashlib.sha1($x).hexdigest()[:6]
        zlib.crc32($x)
        """),
    *each_line("library", "value", "number", """
        math.sqrt($x)
        decimal.Decimal($x)
        datetime.timedelta(seconds=$x)
        struct.pack('b', $x)
        operator.add($x, 1)
        """),
    *each_line("library", "iterable", "rows", "list(concurrent.futures.ThreadPoolExecutor(1).map(str, $x))"),
    *each_line("library", "value", "rows", """
        concurrent.futures.ThreadPoolExecutor(1).submit(len, $x).result()
        await asyncio.to_thread(sum, $x)
        """),
    *each_line("asyncio", "value", "zero", "await asyncio.sleep($x)"),
    *each_line("asyncio", "value", "number", "await asyncio.sleep(0, result=$x)", quiet=True),
    *each_line("asyncio", "iterable", "jobs", "await asyncio.gather(*$x)"),
    *each_line("library", "iterable", "rows", "unittest.mock.Mock(side_effect=$x)()", quiet=True),
]  # fmt: skip

_STREAMED = "[$r async for $r in $x]"
_ASYNCHRONOUS = [
    Demand("await", "await", "awaitable", "$t = await $x\nprint(sorted($t))",
           plain="$t = $x\nprint(sorted($t))"),
    Demand("await number", "await", "awaitable", "print((await $x) + 1)", "number",
           plain="print($x + 1)"),
    Demand("await deed", "await", "awaitable", "await $x\nprint('done')", "deed",
           plain="$x\nprint('done')"),
    Demand("await in for", "await", "awaitable", "for $r in await $x:\n    print($r)",
           plain="for $r in $x:\n    print($r)"),
    Demand("async for", "async for", "async iterable", "async for $r in $x:\n    print($r)",
           plain="for $r in $x:\n    print($r)"),
    Demand("async comprehension", "async for", "async iterable", _STREAMED, expression=True,
           plain="[$r for $r in $x]"),
    Demand("async for pairs", "async for", "async iterable",
           "async for $a, $b in $x:\n    print($a, $b)", "pairs",
           plain="for $a, $b in $x:\n    print($a, $b)"),
    Demand("async for in await", "async for", "async iterable",
           "async for $r in await $x:\n    print($r)", kinds=_STREAMS,
           stream="async for $r in $x:\n    print($r)"),
    Demand("async for held", "async for", "async iterable",
           "async for $r in $x:\n    print($r)", "stream", kinds=_HELD),
    Demand("aiter", "async for", "async iterable", f"$s = aiter($x)\nprint({_STREAMED.replace('$x', '$s')})",
           plain="$s = $x\nprint([$r for $r in $s])"),
    Demand("anext", "async for", "async iterator", "print(await anext($x))",
           plain="print(next(iter($x)))", stream="print(await anext(aiter($x)))"),
    Demand("async with", "async with", "async manager",
           "async with $x as $w:\n    print($w.send('it'))", "manager", inside="print($w.send('it'))"),
    Demand("async with, plain", "async with", "async manager",
           "async with $x as $w:\n    print($w.send('it'))", "plain manager",
           plain="with $x as $w:\n    print($w.send('it'))", inside="print($w.send('it'))"),
    Demand("async with walked", "async with", "async manager",
           "async with $x as $s:\n    async for $r in $s:\n        print($r)", kinds=_STREAMS,
           stream="async for $r in $x:\n    print($r)"),
    Demand("enter_async_context", "async with", "async manager",
           "async with contextlib.AsyncExitStack() as $s:\n"
           "    print((await $s.enter_async_context($x)).send('it'))", "manager", inside="print($w.send('it'))"),
    Demand("gather", "asyncio", "awaitable", "print(await asyncio.gather($x, asyncio.sleep(0)))",
           "number", plain="print([$x, None])"),
    Demand("gather rows", "asyncio", "awaitable", "print(await asyncio.gather($x, asyncio.sleep(0)))",
           plain="print([$x, None])"),
    Demand("wait_for", "asyncio", "awaitable", "print(sorted(await asyncio.wait_for($x, 5)))",
           plain="print(sorted($x))"),
    Demand("shield", "asyncio", "awaitable", "print(sorted(await asyncio.shield($x)))",
           plain="print(sorted($x))"),
    Demand("ensure_future", "asyncio", "awaitable",
           "$t = asyncio.ensure_future($x)\nprint(sorted(await $t))", plain="print(sorted($x))"),
    Demand("create_task", "asyncio", "coroutine",
           "$t = asyncio.create_task($x)\nprint(sorted(await $t))", plain="print(sorted($x))"),
    Demand("group.create_task", "asyncio", "coroutine",
           "async with asyncio.TaskGroup() as $s:\n    $t = $s.create_task($x)\n"
           "print(sorted($t.result()))", plain="print(sorted($x))"),
    Demand("as_completed", "asyncio", "awaitable",
           "for $t in asyncio.as_completed([$x]):\n    print(sorted(await $t))",
           plain="print(sorted($x))"),
    Demand("call awaited", "call", "callable", "print(sorted(await $x()))", kinds=_AWAITABLES,
           plain="print(sorted($x))"),
    Demand("call walked", "call", "callable", "async for $r in $x():\n    print($r)",
           kinds=_STREAMS, stream="async for $r in $x:\n    print($r)"),
    Demand("call entered", "call", "callable",
           "async with $x() as $w:\n    print($w.send('it'))", "manager", kinds=_MANAGERS,
           inside="print($w.send('it'))"),
]  # fmt: skip

DEMANDS = tuple(
    demand
    for demand in (*_CONSTRUCTS, *_OPERATORS, *_BUILTINS, *_LIBRARY, *_ASYNCHRONOUS, *FURTHER)
    if sys.version_info >= (3, 12) or "batched" not in demand.code
)
