"""Asynchronous libraries in small: classes whose errors are like those of the real ones.

What a library raises with intent is its own story (a closed session, a consumed stream, a
missing greenlet): its message says what to do, and nothing is to be added. `ERRORS` are
statements that raise such an error, all of types that rules look at or close to them.
"""

from __future__ import annotations

__all__ = ["ERRORS", "LIBRARIES"]

LIBRARIES = '''\
class StreamError(RuntimeError): pass
class StreamConsumed(StreamError):
    def __init__(self): super().__init__("Attempted to read or stream some content, but the content has already been streamed.")
class ResponseNotRead(StreamError): pass
class TransportError(Exception): pass
class ReadTimeout(TransportError): pass
class HTTPStatusError(Exception): pass
class Response:
    """As of httpx: its bytes are read once, and a synchronous stream is no asynchronous one."""
    def __init__(self, asynchronous=True): self.asynchronous, self.consumed, self.status = asynchronous, False, 404
    async def aiter_bytes(self):
        if not self.asynchronous: raise RuntimeError("Attempted to call an async iterator on a sync stream.")
        if self.consumed: raise StreamConsumed()
        self.consumed = True
        yield b"part"
    def iter_bytes(self):
        if self.asynchronous: raise RuntimeError("Attempted to call a sync iterator on an async stream.")
        yield b"part"
    async def aread(self): return b"".join([part async for part in self.aiter_bytes()])
    @property
    def content(self): raise ResponseNotRead("Attempted to access streaming response content, without having called `read()`.")
    def raise_for_status(self): raise HTTPStatusError(f"Client error '{self.status} Not Found'")

class Client:
    def __init__(self): self.closed = False
    async def __aenter__(self):
        if self.closed: raise RuntimeError("Cannot reopen a client instance, once it has been closed.")
        return self
    async def __aexit__(self, *details): self.closed = True
    async def get(self, url):
        if self.closed: raise RuntimeError("Cannot send a request, as the client has been closed.")
        if "://" not in url: raise TypeError("Invalid type for url.  Expected str or httpx.URL")
        if "slow" in url: raise ReadTimeout("")
        return Response()
client, closed = Client(), Client()
closed.closed = True

class ClientError(Exception): pass
class ClientOSError(ClientError, OSError): pass
class ContentTypeError(ClientError): pass
class Session:
    """As of aiohttp: it says itself that `async with` is wanted, or that it is closed."""
    def __enter__(self): raise TypeError("Use async with instead")
    def __exit__(self, *details): pass
    def __getattr__(self, name): raise AttributeError(f"'ClientSession' object has no attribute {name!r}")
    async def json(self): raise ContentTypeError("Attempt to decode JSON with unexpected mimetype: text/html")
    async def post(self, **given):
        if len(given) > 1: raise ValueError("data and json parameters can not be used at the same time")
        raise RuntimeError("Session is closed")
    async def connect(self): raise ClientOSError(111, "Connect call failed")
session = Session()

class SQLAlchemyError(Exception): pass
class InvalidRequestError(SQLAlchemyError): pass
class MissingGreenlet(InvalidRequestError): pass
class PendingRollbackError(InvalidRequestError): pass
class DetachedInstanceError(SQLAlchemyError): pass
class ResourceClosedError(InvalidRequestError): pass
class Row:
    """As of SQLAlchemy: a lazy attribute that needs a greenlet, results that are read once."""
    @property
    def orders(self): raise MissingGreenlet("greenlet_spawn has not been called; can't call await_only() here.")
    @property
    def owner(self): raise DetachedInstanceError("Parent instance <Row> is not bound to a Session")
class Result:
    def __aiter__(self): raise ResourceClosedError("This result object does not return rows.")
    def all(self): raise ResourceClosedError("This result object is closed.")
    def scalar_one(self): raise InvalidRequestError("No row was found when one was required")
class Database:
    async def execute(self, text):
        if isinstance(text, str): raise InvalidRequestError(f"Textual SQL expression {text!r} should be explicitly declared as text({text!r})")
        raise PendingRollbackError("This Session's transaction has been rolled back")
    def begin(self): raise InvalidRequestError("A transaction is already begun on this Session.")
    async def stream(self, text): return Result()
database, row, result = Database(), Row(), Result()

class InterfaceError(Exception): pass
class BusyResourceError(Exception): pass
class ClosedResourceError(Exception): pass
class EndOfStream(Exception): pass
class ConnectionClosed(Exception): pass
class ConcurrencyError(RuntimeError): pass
class Socket:
    """As of asyncpg, anyio, websockets: one user at a time, and an end that is an error."""
    async def fetch(self): raise InterfaceError("cannot perform operation: another operation is in progress")
    async def receive(self): raise BusyResourceError("Another task is already receiving from this resource")
    async def send(self, data):
        if not isinstance(data, str): raise TypeError("data must be str, bytes, or iterable")
        raise ConnectionClosed("received 1000 (OK); then sent 1000 (OK)")
    async def recv(self): raise ConcurrencyError("cannot call recv while another coroutine is already running recv")
    def __aiter__(self): return self
    async def __anext__(self): raise ClosedResourceError("the receive stream is closed")
    async def aclose(self): raise RuntimeError("Event loop is closed")
    async def __aenter__(self): raise ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 5432)")
    async def __aexit__(self, *details): pass
socket = Socket()

class ValidationError(ValueError): pass
class RetryError(Exception): pass
class HTTPException(Exception): pass
class CommandError(Exception): pass
class LoginFailure(Exception): pass
class Model:
    """As of pydantic, discord.py, tenacity, FastAPI, openai: a call that refuses what it gets."""
    def __init__(self, **given):
        if "id" not in given: raise ValidationError("1 validation error for Model: id: Field required")
    def __call__(self): raise TypeError("'Model' object is not callable")
    def __getitem__(self, key): raise TypeError("'Stream' object is not subscriptable")
    async def create(self, *, model, stream=False): raise RetryError("RetryError[<Future at 0x7f state=finished raised APIError>]")
    async def invoke(self, name): raise CommandError(f"Command raised an exception: TypeError: {name}")
    async def start(self, token): raise LoginFailure("Improper token has been passed.")
    async def dispatch(self, code): raise HTTPException(code)
    def run(self): raise RuntimeError("asyncio.run() cannot be called from a running event loop")
model = Model(id=1)
'''

ERRORS = """\
async for part in Response(asynchronous=False).aiter_bytes(): pass
for part in Response().iter_bytes(): pass
Response().content
Response().raise_for_status()
response = Response(); await response.aread(); await response.aread()
await closed.get('https://example.org')
async with closed: pass
await client.get('example.org')
await client.get('https://slow.example.org')
await client.get(url='https://slow.example.org')
with session: pass
session.fetch
session.get('https://example.org')
await session.json()
await session.post(data=1)
await session.post(data=1, json=1)
await session.connect()
row.orders
[each for each in row.orders]
row.owner.name
async for each in result: pass
[each async for each in result]
async for each in await database.stream('select'): pass
result.all()
result.scalar_one()
await database.execute('select 1')
await database.execute(1)
async with database.begin(): pass
await socket.fetch()
await socket.receive()
await socket.send(1)
await socket.send('it')
await socket.recv()
await anext(socket)
async for message in socket: pass
await socket.aclose()
async with socket: pass
await asyncio.gather(socket.fetch(), socket.recv())
await asyncio.wait_for(socket.receive(), 1)
Model()
model()
model[0]
await model.create()
await model.create('it')
await model.create(model='it', stream=True)
await model.invoke('it')
await model.start('it')
await model.dispatch(404)
model.run()
raise EndOfStream
raise StreamError('Event loop is closed')
""".splitlines()
