"""More operations of the language and of the library, as `demands` has them."""

from __future__ import annotations

from proof.matrix.demand import Demand, each_line

__all__ = ["FURTHER"]

_CONSTRUCTS = [
    Demand(
        "while", "shown", "value",
        "$t = 2\nwhile $x and $t:\n    $t -= 1\nprint('left', $t)", "zero", quiet=True,
    ),
    Demand("assert", "shown", "value", "assert not $x\nprint('fine')", "zero", quiet=True),
    Demand("yielded", "shown", "value", "print(list($g($x)))", "number", quiet=True,
           define="def $g($s):\n    yield $s\n"),
    Demand("del item", "subscript", "value", "$a = $x\ndel $a[0]\nprint($a)"),
    Demand("del slice", "subscript", "value", "$a = $x\ndel $a[1:]\nprint($a)"),
    Demand("item assigned", "subscript", "value", "$a = $x\n$a[0] = 9\nprint($a)"),
    Demand("merged", "operator", "value", "$a = {'more': 1}\n$a |= $x\nprint($a)", "record"),
    Demand("unpack nested", "unpack", "iterable", "($a, $b), *$c = $x\nprint($a, $b, $c)", "pairs"),
    Demand("raise from", "shown", "value",
           "try:\n    raise ValueError('no') from $x\nexcept ValueError as error:\n"
           "    print(repr(error.__cause__))", "error"),
    Demand("match item", "shown", "value",
           "match ('rows', $x):\n    case (_, [$a, *_]):\n        print('first', $a)\n    case _:\n"
           "        print('other')", quiet=True),
    Demand("in a match guard", "operator", "iterable",
           "match 1:\n    case $a if $a in $x:\n        print('there', $a)\n    case _:\n"
           "        print('not there')"),
    Demand("decorator", "call", "value", "@$x\ndef $g():\n    return 3\nprint($g())", "wrapper"),
    Demand("two managers", "with", "manager",
           "with $x as $w, contextlib.suppress(KeyError):\n    print($w.send('it'))",
           "plain manager", inside="print($w.send('it'))"),
    Demand("thread", "library", "iterable",
           "$t = threading.Thread(target=print, args=$x)\n$t.start()\n$t.join()"),
    Demand("timed wait", "library", "value",
           "threading.Event().wait($x)\nprint('waited')", "zero"),
]  # fmt: skip

_OPERATORS = [
    *each_line("shown", "value", "number", """
        f'{$x!r}'
        f'{$x=}'.rpartition('=')[2]
        '%s' % $x
        'so %s' % str($x)
        """, quiet=True),
    *each_line("operator", "value", "number", """
        $x & 6
        $x << 1
        ~$x
        $x // 3
        10 >= $x
        """),
    *each_line("operator", "value", "rows", "$x < [9]"),
    *each_line("shown", "value", "zero", "$x and 'some'", quiet=True),
    *each_line("subscript", "value", "rows", """
        $x[::-1]
        $x[1:][0]
        """),
    *each_line("subscript", "value", "number", "'abcdefgh'[$x:]"),
    *each_line("unpack", "iterable", "rows", """
        {*$x}
        (*$x,)
        max(*$x)
        """),
]  # fmt: skip

_LIBRARY = [
    *each_line("library", "iterable", "rows", """
        functools.partial(sum, $x)()
        statistics.fmean($x)
        heapq.nsmallest(1, $x)
        collections.UserList($x).data
        collections.deque([0]).extend($x)
        list(itertools.combinations_with_replacement($x, 2))
        collections.namedtuple('Triple', 'a b c')._make($x)[0]
        list(itertools.chain([0], $x, [4]))
        [*itertools.islice(zip('ab', $x), 1)]
        csv.writer(io.StringIO()).writerow($x)
        """),
    *each_line("library", "iterable", "pairs", """
        collections.OrderedDict($x)['a']
        collections.defaultdict(int, $x)['b']
        """),
    *each_line("library", "iterable", "texts", """
        io.StringIO().writelines($x)
        posixpath.commonprefix($x)
        """),
    *each_line("library", "value", "rows", """
        random.shuffle($x)
        len(random.choices($x, k=2))
        heapq.heappop($x) < 9
        copy.copy($x)[0]
        statistics.stdev($x) > 0
        json.dumps($x, indent=2)
        """),
    *each_line("library", "value", "record", """
        functools.reduce(operator.or_, [$x, {'a': 1}])
        json.dumps({'page': [$x]})
        sorted(collections.ChainMap({}, $x))
        """),
    *each_line("library", "value", "number", """
        math.floor($x)
        fractions.Fraction($x)
        operator.index($x)
        """),
    *each_line("library", "value", "text", """
        urllib.parse.quote($x)
        textwrap.dedent($x)
        difflib.get_close_matches($x, ['north', 'south'])
        fnmatch.fnmatch($x, 'n*')
        unicodedata.normalize('NFC', $x)
        """),
    *each_line("asyncio", "value", "number", "asyncio.Queue($x).maxsize", quiet=True),
    *each_line("asyncio", "value", "number", "asyncio.Semaphore($x).locked()"),
]  # fmt: skip

_ASYNCHRONOUS = [
    Demand("asyncio.wait", "asyncio", "task",
           "$s, _ = await asyncio.wait([$x])\nprint(sorted($s.pop().result()))",
           plain="print(sorted($x))"),
    Demand("timeout", "asyncio", "value",
           "async with asyncio.timeout($x + 1):\n    print('in time')", "number"),
    Demand("threadsafe", "asyncio", "coroutine",
           "$t = asyncio.run_coroutine_threadsafe($x, asyncio.get_running_loop())\n"
           "print(sorted(await asyncio.wrap_future($t)))", plain="print(sorted($x))"),
    Demand("two async managers", "async with", "async manager",
           "async with asyncio.Lock(), $x as $w:\n    print($w.send('it'))", "manager",
           inside="print($w.send('it'))"),
    Demand("awaited attribute", "await", "awaitable", "print((await $x).total)", "object",
           plain="print($x.total)"),
    Demand("async for enumerated", "async for", "async iterable",
           "print([$r async for $r in $x if $r > 1])", plain="print([$r for $r in $x if $r > 1])"),
]  # fmt: skip

FURTHER = (*_CONSTRUCTS, *_OPERATORS, *_LIBRARY, *_ASYNCHRONOUS)
