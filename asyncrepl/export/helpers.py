"""What a script brings along, because plain Python has no prompt: each only where it is used."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Names", "helpers", "quoted"]

_TEMPLATES = {
    "show": "{0} = sys.displayhook  # print a value, if it is not None",
    "tell": '''\
def {0}(error):
    """Say what went wrong, as a prompt does, and go on."""
    print("".join(traceback.format_exception_only(error)), end="")''',
    "ticker": '''\
async def {0}(name, seconds):
    """Print every `seconds`, without drift."""
    due = asyncio.get_running_loop().time()
    for count in itertools.count(1):
        due += seconds
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        print(f"{{name}} │ {{count}}", flush=True)''',
    "tasks": "{0} = {{}}  # by name",
}
#: How their names stand in code, and in no sentence.
_USE = r"\b{0}(\(|\[\"|\.pop)"
#: The module that each of these needs.
_MODULES = {"show": "sys", "tell": "traceback", "ticker": "itertools"}


@dataclass(frozen=True, slots=True)
class Names:
    """What these are called in a script, so that nothing of the user's has the same name."""

    show: str
    tell: str
    ticker: str
    tasks: str
    main: str

    @staticmethod
    def beside(texts: Iterable[str]) -> Names:
        """Names that occur in none of `texts`."""
        taken = {word for text in texts for word in re.findall(r"\w+", text)}
        names = []
        for name in ("show", "tell", "ticker", "tasks", "main"):
            while name in taken:
                name += "_"  # noqa: PLW2901
            names.append(name)
        return Names(*names)

    def task(self, name: str, coroutine: str) -> str:
        """A line that starts a task called `name`."""
        key = quoted(name)
        return f"{self.tasks}[{key}] = asyncio.create_task({coroutine}, name={key})"


def helpers(names: Names, code: str) -> tuple[list[str], list[str]]:
    """The modules that `code` needs on account of `names`, and the definitions."""
    used = [name for name in _TEMPLATES if re.search(_USE.format(getattr(names, name)), code)]
    modules = sorted({"asyncio", *(_MODULES[name] for name in used if name in _MODULES)})
    return modules, [_TEMPLATES[name].format(getattr(names, name)) for name in used]


def quoted(text: str) -> str:
    """`text` as a Python literal, in the usual quotes."""
    return json.dumps(text, ensure_ascii=False)
