"""The figures: run as a script, optionally with ids or ``--whole`` (one file a snippet)."""

from __future__ import annotations

import gc
import sys

from harness import VERSION, corrected, driver, load, run


def main() -> None:
    whole = "--whole" in sys.argv
    wanted = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    right = clean = printed = total = 0
    for entry in load("misuse"):
        if wanted and not any(entry["id"] == w or entry["category"] == w for w in wanted):
            continue
        for snippet in entry["snippets"]:
            if VERSION not in snippet["wrong_in"]:
                continue
            inputs = snippet["inputs"]
            if whole:
                inputs = ["\n".join(inputs)]
            total += 1
            try:
                report = run(inputs)
            except Exception as e:
                print("CRASH", snippet["id"], type(e), str(e)[:300])
                if "-v" in sys.argv:
                    raise
                continue
            ex = report.explanation
            ok = ex is not None and ex.id == entry["id"] and ex.step == entry["step"]
            right += ok
            failed, report = (type(report.error).__name__, report.error and str(report.error)), None
            gc.collect()
            good = shown = False
            if ok and ex.fix:
                fixed = corrected(inputs, ex)
                again = run(fixed)
                good = again.clean
                must = snippet["fix"]["must_print"]
                shown = good and (not must or must in again.printed)
                if good and not shown:
                    extra = driver(snippet["inputs"], snippet["fix"]["inputs"])
                    for added in (extra, extra[-1:]):
                        again = run(fixed + added)
                        shown = shown or must in again.printed
                if not shown and "-q" not in sys.argv:
                    print("   fix:", "\n   | ".join("\n---\n".join(fixed).splitlines()))
                    print("   ->", repr(again.error), again.events, repr(again.printed))
            clean += good
            printed += shown
            if not (ok and shown) or "-a" in sys.argv:
                print("ok " if ok else "BAD", snippet["id"], ex and (ex.id, ex.step),
                      failed[0], "" if ok else failed[1], ex and ex.why)
    print(VERSION, "total", total, "right", right, "fix runs", clean, "prints", printed)
    if not wanted:
        alarms = 0
        for c in load("controls"):
            inputs = ["\n".join(c["inputs"])] if whole else c["inputs"]
            report = run(inputs)
            if report.explanation and not c["incomplete"]:
                alarms += 1
                print("ALARM", c["id"], report.explanation.id, report.explanation.why)
        print("false alarms", alarms)


main()
