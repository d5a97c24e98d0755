"""Judges the same cases with octorl, math-verify and a grader on SymPy alone, and
prints accuracy and time beside each other. The SymPy grader reads LaTeX by
latex2sympy2_extended and compares by simplify, as common reward functions do.

    python scripts/peers/grade_bench.py ./octorl CASES.jsonl [CASES.jsonl ...]

Needs math-verify (measured with 0.9) and SymPy. Cases are lines of JSON with gold,
pred and equal; mode "response" asks for extraction. All run one after another on
one core. Each grader is warmed by one pass over the first 50 cases; a case that
takes a grader longer than its timeout counts as judged not equal, at that time.
"""

import json
import logging
import re
import signal
import statistics
import subprocess
import sys
import time

logging.disable(logging.CRITICAL)

from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig, parse, verify
from latex2sympy2_extended import latex2sympy
from sympy import N, simplify
from sympy.parsing.sympy_parser import implicit_multiplication_application, parse_expr, standard_transformations

TIMEOUT = 5
TARGETS = [LatexExtractionConfig(), ExprExtractionConfig(), StringExtractionConfig()]
TRANSFORMS = standard_transformations + (implicit_multiplication_application,)


def dollars(text):
    return text if "$" in text or "\\boxed" in text else "$" + text + "$"


def math_verify(case):
    pred = case["pred"] if case.get("mode") == "response" else dollars(case["pred"])
    gold = parse(dollars(case["gold"]), TARGETS, parsing_timeout=TIMEOUT)
    return bool(verify(gold, parse(pred, TARGETS, parsing_timeout=TIMEOUT), timeout_seconds=TIMEOUT))


def last_answer(response):
    """The last box, else what follows a marker, else the last number."""
    start = response.rfind("\\boxed{")
    if start >= 0:
        depth, at = 1, start + len("\\boxed{")
        for end in range(at, len(response)):
            depth += {"{": 1, "}": -1}.get(response[end], 0)
            if depth == 0:
                return response[at:end]
        return ""
    marked = re.findall(r"(?:####|answer is:?|Answer:|\nA:)\s*([^\n]+?)\.?\s*(?:\n|$)", response)
    numbers = re.findall(r"-?[\d,]*\.?\d+", response)
    return marked[-1] if marked else numbers[-1] if numbers else ""


def to_sympy(text):
    text = text.strip().strip("$").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\left", "").replace("\\right", "")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text).replace("\\%", "").replace("\\$", "")
    try:
        return latex2sympy(text)
    except Exception:
        return parse_expr(text.replace("^", "**"), transformations=TRANSFORMS)


def sympy_alone(case):
    """Equal texts, or a difference that simplifies or evaluates to zero, as many reward functions do."""
    pred = last_answer(case["pred"]) if case.get("mode") == "response" else case["pred"]
    if pred.strip() == case["gold"].strip():
        return True
    gold, pred = to_sympy(case["gold"]), to_sympy(pred)
    return bool(gold == pred or simplify(gold - pred) == 0 or abs(N(gold) - N(pred)) < 1e-9)


class TooLong(Exception):
    pass


def too_long(*_):
    raise TooLong


def measure(grade, cases):
    """Judges each case once and returns the verdicts and microseconds."""
    signal.signal(signal.SIGALRM, too_long)
    verdicts, micros = [], []
    for case in cases[:50] + cases:
        start = time.perf_counter()
        signal.alarm(TIMEOUT)
        try:
            verdict = grade(case)
        except BaseException as error:  # parsers raise anything, RecursionError too
            if isinstance(error, KeyboardInterrupt):
                raise
            verdict = False
        finally:
            signal.alarm(0)
        micros.append((time.perf_counter() - start) * 1e6)
        verdicts.append(verdict)
    return verdicts[50 if len(cases) >= 50 else len(cases):], micros[50 if len(cases) >= 50 else len(cases):]


def main():
    binary, files = sys.argv[1], sys.argv[2:]
    cases = [json.loads(line) for name in files for line in open(name, encoding="utf-8") if line.strip()]
    ours = json.loads(subprocess.run([binary, "bench", "grade", "--json", *files], check=True, capture_output=True).stdout)
    rows = []
    for name, grade in (("math-verify", math_verify), ("sympy", sympy_alone)):
        verdicts, micros = measure(grade, cases)
        rows.append((name, verdicts, statistics.median(micros), statistics.fmean(micros), max(micros)))
    own = {"median": ours["p50_us"], "mean": 1e6 / ours["rate"], "max": ours["max_us"]}
    for tier in ours["tiers"]:
        name = tier["tier"]
        at = [i for i, c in enumerate(cases) if c.get("tier", "") == name]
        print(f"tier {name or 'all'}: {len(at)} cases, {tier['negatives']} not equal")
        print(f"  octorl       {100 * tier['agree'] / tier['cases']:6.2f} % agree, {tier['false_right']} false right")
        for grader, verdicts, *_ in rows:
            agree = sum(verdicts[i] == cases[i]["equal"] for i in at)
            false = sum(verdicts[i] and not cases[i]["equal"] for i in at)
            print(f"  {grader:12} {100 * agree / len(at):6.2f} % agree, {false} false right")
    print(f"microseconds a verdict, one core: octorl median {own['median']:.1f}, mean {own['mean']:.1f}, max {own['max']:.0f}; {ours['rate']:.0f} verdicts/s")
    for grader, _, median, mean, most in rows:
        print(f"  {grader:12} median {median:.0f} ({median / own['median']:.0f} x), mean {mean:.0f} ({mean / own['mean']:.0f} x), max {most:.0f}; {1e6 / mean:.0f} verdicts/s")


if __name__ == "__main__":
    main()
