"""Ordinary errors, and the places in asynchronous code where they happen to be raised.

Each line of `ERRORS` raises something that is not about async iteration; each entry of
`PLACES` puts it somewhere near async iteration, where a hasty rule would see a mistake.
"""

from __future__ import annotations

import ast
from itertools import product
from textwrap import indent

__all__ = ["ERRORS", "PLACES", "READINGS", "SETUP", "programs"]

READINGS = "async def readings(n=3):\n    for i in range(n):\n        yield i\n"
SETUP = (
    READINGS
    + '''\
import array, bisect, calendar, collections, contextlib, csv, dataclasses, datetime, decimal, enum
import fractions, functools, heapq, io, itertools, json, math, operator, os, pathlib, pickle, queue
import random, re, socket, sqlite3, statistics, string, struct, subprocess, tempfile, time, types
import typing, urllib.parse, urllib.request, uuid, weakref, zlib, ipaddress, configparser, shlex
from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: int = 0

class Colour(enum.Enum):
    RED = 1

class async_generator:
    pass

class coroutine:
    def __await__(self): return iter(())

class StopAsync(StopAsyncIteration): pass

class Feed:
    def __init__(self): self.rows = [1]
    async def __aiter__(self):
        for row in self.rows: yield row
    def strict(self, a, *, b): return a

class Words:
    def __iter__(self): raise TypeError("'async_generator' object is not iterable")
    def __len__(self): raise TypeError("object of type 'async_generator' has no len()")
    def __getitem__(self, key): raise TypeError("'async_generator' object is not subscriptable")
    def __contains__(self, key): raise TypeError("argument of type 'coroutine' is not iterable")
    def __await__(self): raise TypeError("object async_generator can't be used in 'await' expression")
    def __aiter__(self): raise TypeError("'async for' requires an object with __aiter__ method")
    def __enter__(self): raise TypeError("'Lock' object does not support the context manager protocol")
    def __exit__(self, *a): pass
    def __call__(self): raise TypeError("'async_generator' object is not callable")
    def __getattr__(self, name): raise AttributeError("'coroutine' object has no attribute 'upper'")
    def __add__(self, other): raise TypeError("unsupported operand type(s) for +: 'coroutine' and 'int'")
    def __bool__(self): raise RuntimeError("cannot reuse already awaited coroutine")

class Stale(RuntimeError): pass
def sync(a, b): return a + b
async def fetch(n=1): return n
async def strict(a, *, b): return a
def says(error, text): raise error(text)
stream, words, data = readings(), Words(), {"a": [1]}
'''
)

ERRORS = """\
1 / 0
[][1]
{}['x']
undefined_name
None.x
'a' + 1
1 + 'a'
5()
5[0]
None[0]
len(5)
len(None)
int('x')
int([])
int(None)
float('x')
chr(-1)
ord('ab')
list(5)
dict(5)
dict([1])
set(5)
tuple(5)
sum(5)
sum(['a'])
sum([[1], 2])
max([])
max(5)
min(1, 'a')
sorted([1, 'a'])
sorted(5)
sorted([1], key=5)
sorted([1], key=lambda: 1)
[3, 'a'].sort()
reversed(5)
iter(5)
next(5)
next(iter([]))
next([1])
enumerate(5)
zip(5)
list(zip([1], [2, 3], strict=True))
list(map(5, [1]))
list(map(len, [5]))
list(filter(5, [1]))
list(range(0, 5, 0))
range('a')
'x' in 5
a, b = 5
a, b = [1]
a, *b = 5
print(*5)
print(**5)
[*5]
{**5}
{[]: 1}
{[1]}
isinstance(1, 5)
issubclass(1, int)
getattr(5, 'x')
setattr(5, 'x', 1)
hash([])
round('a')
abs('a')
pow('a', 2)
divmod(1, 0)
open('/nonexistent/file')
open(5.5)
print(1, sep=5)
''.join(5)
''.join([1])
', '.join(None)
'a'.split(5)
'%d' % 'a'
'{} {}'.format(1)
f'{1:z}'
b'a' + 'a'
b'\\xff'.decode()
[1].index(2)
[1].remove(2)
[].pop()
[1].extend(5)
{}.update(5)
{}.update([1])
set().update(5)
set().pop()
collections.deque(5)
collections.Counter(5)
collections.OrderedDict(5)
collections.namedtuple('P', 'x')(1, 2)
collections.ChainMap(5)['a']
itertools.islice([1], -1)
itertools.islice(5, 3)
list(itertools.chain(5))
list(itertools.chain.from_iterable([5]))
list(itertools.batched([1], 0)) if hasattr(itertools, 'batched') else 1 / 0
functools.reduce(5, [1, 2])
functools.reduce(operator.add, [])
functools.partial(5)
operator.itemgetter(3)([1])
json.loads('{')
json.loads(5)
json.dumps(object())
json.dumps({1j: 1})
decimal.Decimal('x')
decimal.Decimal(1) / 0
decimal.Decimal(1) + 1.5
fractions.Fraction(1, 0)
datetime.datetime.now() - 5
datetime.datetime.now() < datetime.date.today()
datetime.date(2024, 13, 1)
datetime.datetime.fromisoformat('x')
datetime.timedelta('a')
time.strptime('x', '%Y')
math.sqrt(-1)
math.factorial(-1)
statistics.mean([])
random.choice([])
random.choice(5)
random.sample({1}, 1)
re.compile('(')
re.match('a', 5)
struct.unpack('i', b'a')
struct.pack('i', 'a')
zlib.decompress(b'x')
pickle.loads(b'x')
pickle.dumps(lambda: 1)
uuid.UUID('x')
ipaddress.ip_address('x')
csv.reader(5)
list(csv.DictReader(5))
io.StringIO(5)
io.BytesIO('a')
pathlib.Path('/nonexistent').read_text()
pathlib.Path(5)
pathlib.Path('a') / 5
os.listdir('/nonexistent')
os.environ['NO_SUCH_NAME']
shlex.split('"')
sqlite3.connect(':memory:').execute('select nonsense')
sqlite3.connect(':memory:').execute('select ?', 5)
sqlite3.connect(':memory:').execute('select ?', (object(),))
socket.create_connection(('127.0.0.1', 1), timeout=1)
socket.socket().send(b'x')
socket.socket().connect(5)
subprocess.run(['/nonexistent'])
subprocess.run(5)
urllib.parse.urlsplit('http://[')
urllib.request.urlopen('nonsense')
urllib.request.Request(5)
queue.Queue(1).get_nowait()
heapq.heappop([])
heapq.heappush((), 1)
bisect.bisect(5, 1)
array.array('i', ['a'])
weakref.ref(5)
tempfile.TemporaryFile('zz')
typing.cast()
types.SimpleNamespace(1).x
configparser.ConfigParser().get('a', 'b')
Point()
Point(1, 2, 3)
Point(1) < Point(2)
Point(1).z
Colour(5)
Colour['BLUE']
Colour.RED.value.x
dataclasses.replace(Point(1), z=2)
dataclasses.fields(5)
Feed(5)
Feed().strict(1)
Feed().strict(1, 2)
Feed().rows.x
Feed().rows[5]
Feed().nothing
Feed().rows + 1
sync(1)
sync(1, 'a')
sync(stream)
fetch(1, 2)
strict(1)
await strict(1, 2)
await fetch(b=1)
readings(1, 2)
readings(m=1)
for x in async_generator(): pass
list(async_generator())
len(async_generator())
async_generator()[0]
async_generator().send(1)
async_generator().asend(1)
1 in async_generator()
coroutine().upper()
coroutine() + 1
coroutine()[0]
for x in coroutine(): pass
with coroutine(): pass
raise TypeError("'async_generator' object is not iterable")
raise RuntimeError('async generator raised StopIteration')
raise RuntimeError('anext(): asynchronous generator is already running')
raise RuntimeError('cannot reuse already awaited coroutine')
raise RuntimeError('async generator ignored GeneratorExit')
raise RuntimeError('asyncio.run() cannot be called from a running event loop')
raise Stale('This event loop is already running')
raise AttributeError("'async_generator' object has no attribute 'next'")
raise AttributeError('x', name='next', obj=5)
raise ValueError('a coroutine was expected, got <async_generator object>')
raise NotImplementedError
says(TypeError, "'async for' requires an object with __aiter__ method, got list")
says(RuntimeError, 'coroutine raised StopIteration')
says(RuntimeError, 'Set changed size during iteration')
for x in words: pass
list(words)
len(words)
words[0]
1 in words
words()
words.upper
words + 1
bool(words)
with words: pass
await words
async for x in words: pass
sum(n for n in 5)
[n / 0 for n in [1]]
[x async for x in readings() if x / 0]
[x.y async for x in readings()]
{x: [] + x async for x in readings()}
[len(x) async for x in readings()]
sum([x async for x in readings()], 'a')
sorted([x async for x in readings()], key=len)
list(zip([x async for x in readings()], 5))
int([x async for x in readings()])
(await fetch()).upper()
(await fetch())[0]
len(await fetch())
for x in await fetch(): pass
await fetch() + 'a'
await asyncio.wait_for(fetch(), 'soon')
await asyncio.wait_for(asyncio.sleep(9), 0)
await asyncio.gather(fetch(), strict(b=1, a=[][0]))
await asyncio.sleep('a')
await asyncio.open_connection('127.0.0.1', 1)
asyncio.create_task()
asyncio.Queue().get_nowait()
asyncio.Queue(maxsize='a').put_nowait(1)
asyncio.Queue().task_done()
asyncio.Lock().release()
asyncio.Event().set(1)
asyncio.get_running_loop().call_later('a', print)
asyncio.get_running_loop().create_future().result()
await asyncio.to_thread(len, 5)
await asyncio.to_thread(next, iter([1]), 1, 2)
await asyncio.get_running_loop().run_in_executor(None, json.loads, '{')
await anext(readings(), 1, 2)
aiter()
anext()
aiter(readings(), 1)
await readings().asend()
await readings().athrow()
await readings().athrow(ValueError)
async with contextlib.AsyncExitStack(5): pass
async with asyncio.timeout('a'): pass
async with asyncio.timeout(0): await asyncio.sleep(9)
async with contextlib.aclosing(): pass
contextlib.aclosing()
with open('/nonexistent/file') as f: pass
with contextlib.closing(5): pass
with contextlib.suppress(KeyError): [][0]
assert False
del undefined_name
import no_such_module
from asyncio import no_such_name
import asyncio.no_such_module
asyncio.no_such_name
asyncio.Queu()
raise KeyError('stream')
raise OSError(2, 'x')
raise 5
raise StopIteration
raise ExceptionGroup('two', [KeyError(1), TypeError('x')])
raise ExceptionGroup('one', [TypeError("'async_generator' object is not iterable")])
stream.nothing
fetch.nothing
readings.nothing
Point.nothing
class Bad(5): pass
class Bad(bool): pass
class Bad(Point, object, Point): pass
lambda: (yield)
match Point(1):
    case Point(1, 2, 3): pass
global_rows = data['a']['b']
data['a'] += 1
data.a
(lambda x: x)()
@undefined
def f(): pass
def f(x=1/0): pass
type('X', (), {}, 1, 2)
super().x
object.__new__(5)
eval('1 +')
exec('x = = 1')
compile('a b', 'x', 'exec')
int.from_bytes(5)
memoryview(5)
bytes('a')
bytearray(-1)
complex('x')
slice()
vars(5)
__import__('no.such')
string.Template('$').substitute()
calendar.month(1, 13)
contextlib.ExitStack().enter_context(5)
"""

#: Where the error is put, with ``{}`` for its statement, made to fit the indentation.
PLACES = {
    "top": "{0}",
    "loop": "async for reading in readings():\n    {4}",
    "function": "async def use(source):\n    async for r in source:\n        {8}\nawait use(readings())",
    "behind": "async def use():\n    async for r in readings(): pass\n    {4}\nawait use()",
    "generator": "async def made():\n    async for r in readings():\n        {8}\n        yield r\n"
    "print([x async for x in made()])",
    "else": "async for r in readings(1):\n    pass\nelse:\n    {4}",
    "finally": "async def made():\n    try:\n        yield 1\n    finally:\n        {8}\n"
    "async for x in made(): pass",
    "method": "class Job:\n    async def run(self):\n        async for r in readings():\n"
    "            {12}\nawait Job().run()",
    "anext": "class Source:\n    def __aiter__(self): return self\n    async def __anext__(self):\n"
    "        {8}\nasync for x in Source(): pass",
    "aiter": "class Source:\n    async def __aiter__(self):\n        {8}\n        yield 1\n"
    "print([x async for x in Source()])",
    "gather": "async def use(n):\n    async for r in readings():\n        {8}\n"
    "await asyncio.gather(use(1), fetch())",
    "group": "async def use(n):\n    {4}\nasync with asyncio.TaskGroup() as group:\n"
    "    group.create_task(use(1))\n    group.create_task(fetch())",
    "task": "async def use(n):\n    {4}\njob = asyncio.create_task(use(1))\nawait job",
    "with": "async with contextlib.aclosing(readings()) as source:\n    async for r in source:\n"
    "        {8}",
    "manager": "@contextlib.asynccontextmanager\nasync def opened():\n    {4}\n    yield readings()\n"
    "async with opened() as source: pass",
    "lock": "async with asyncio.Lock():\n    for turn in [1]:\n        {8}",
    "except": "try:\n    for x in readings(): pass\nexcept TypeError:\n    {4}",
    "except-anext": "source = readings(0)\ntry:\n    await anext(source)\n"
    "except StopAsyncIteration:\n    {4}",
    "wait-for": "async def use():\n    {4}\nawait asyncio.wait_for(use(), 9)",
    "anext-task": "source = readings()\nfirst = await anext(source)\nnested = [source, fetch]\n{0}",
}
#: Where only a plain function can be put.
SYNC_PLACES = {
    "callback": "def use(x):\n    {4}\n[use(x) async for x in readings()]",
    "key": "def use(x):\n    {4}\nsorted([x async for x in readings()], key=use)",
    "property": "class Job:\n    @property\n    def rows(self):\n        {8}\n"
    "async for x in Job().rows: pass",
    "plain-aiter": "class Source:\n    def __aiter__(self):\n        {8}\n"
    "async for x in Source(): pass",
    "plain-anext": "class Source:\n    def __aiter__(self): return self\n    def __anext__(self):\n"
    "        {8}\nasync for x in Source(): pass",
    "init": "class Source:\n    def __init__(self):\n        {8}\n    def __aiter__(self): return self\n"
    "async for x in Source(): pass",
    "sync-generator": "def made():\n    yield 1\n    {4}\nasync for r in readings():\n"
    "    for x in made(): pass",
    "thread": "def use():\n    {4}\nawait asyncio.to_thread(use)",
    "enter": "class Manager:\n    def __enter__(self):\n        {8}\n    def __exit__(self, *a): pass\n"
    "async for r in readings():\n    with Manager(): pass",
}


def errors() -> list[str]:
    """The statements, one or several lines each."""
    found: list[str] = []
    for line in ERRORS.splitlines():
        if found and (line[:1] == " " or found[-1].startswith("@") and "\n" not in found[-1]):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def programs() -> list[tuple[str, str, str]]:
    """The error, the name of the place, and the text, of every error in every place."""
    found = []
    for error, (name, place) in product(errors(), {**PLACES, **SYNC_PLACES}.items()):
        text = _placed(error, place)
        if _is_program(error, name, text):
            found.append((error, name, text))
    return found


def _placed(error: str, place: str) -> str:
    for by in (12, 8, 4, 0):
        place = place.replace(f"{{{by}}}", indent(error, " " * by).lstrip())
    return place + "\n"


def _is_program(error: str, name: str, text: str) -> bool:
    """Whether the statement can stand there and keeps its meaning."""
    suspends = "await" in error or "async" in error
    if name in SYNC_PLACES and suspends:
        return False
    stops = "Stop" in error or error.startswith("next(iter") or "yield" in error
    if stops and name != "top":
        return False
    try:
        compile(text, "x", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return False
    return True
