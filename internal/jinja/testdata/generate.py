"""Writes cases.json: templates, and what transformers makes of them.

    python generate.py        # transformers 5, jinja2 3.1; beside this file

A case has a source, variables, and the text that the template environment of
transformers renders, or null where it raises an error.
"""
import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "2 + 2 <b>?"},
    {"role": "assistant", "content": "It's 4.\n"},
    {"role": "user", "content": "Größe “x” 😀"},
]
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {"zone": {"type": "string", "n": 3, "f": 1.0}}}}}
VARIABLES = {"messages": MESSAGES, "tools": [TOOL], "flag": True, "nothing": None, "text": "  a-b c\t\n", "n": 7, "x": 2.5, "empty": [], "d": {"b": 1, "A": [1, "q", None], "c": {"k": False}}}

SOURCES = r"""
plain text
{{ text }}|{{ n }}|{{ x }}|{{ flag }}|{{ nothing }}|{{ d }}|{{ missing }}|{{ empty }}|{{ (1,) }}|{{ () }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 'ab' * 3 }}
{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 1 + 2.0 }} {{ true + 1 }} {{ [1] + [2, 3] }} {{ -2 ** 2 }} {{ - 3 | abs }} {{ 1 ~ 2 ~ 'x' ~ none }}
{{ 1e20 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 0.0001 }} {{ 2.5e10 }} {{ 3.0 }} {{ 1_000 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 3 > 2 >= 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' != 'b' }} {{ none == none }} {{ {'a': [1]} == {'a': [1.0]} }}
{{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'b' in 'abc' }} {{ 'k' in {'k': 1} }} {{ 'k' in missing }} {{ not 1 in [2] }} {{ not true or true }} {{ false and missing.x }} {{ '' or 'b' }} {{ 'a' and 'b' }}
{{ 'yes' if flag else 'no' }} {{ 'yes' if not flag }}| {{ 1 if false else 2 if false else 3 }}
{{ 1 < 'a' }}
{{ 'a' + 1 }}
{{ 1 + missing }}
{{ missing.x }}
{{ missing() }}
{{ missing[0] }}
{{ messages[9].content }}
{{ n.x }}|{{ d.zz }}|{{ 'abc'.zz }}|{{ nothing.x }}
{{ none() }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ messages[0].content }} {{ messages[-1]['content'] }} {{ messages[0]["role"] }} {{ messages.0.role }} {{ d['c'].k }} {{ d.A[1] }} {{ d.get('b') }} {{ d.get('z') }} {{ d.get('z', 'q') }}
{{ messages[1:] | length }} {{ messages[::-1][0].role }} {{ messages[:-1][-1].role }} {{ 'abcdef'[1:4] }} {{ 'abcdef'[::-2] }} {{ 'abcdef'[-3:] }} {{ 'äöü'[1] }} {{ [1,2,3][5:] }} {{ [1,2,3][-9:2] }} {{ 'abc'[::-1] }} {{ (1,2,3)[:2] }}
{{ d.items() | list }} {{ d.keys() | list }} {{ d.values() | list }} {{ d | length }} {{ d | list }} {{ d.copy() }}
{{ d.update({'x': 1}) }}
{{ messages.append(1) }}
{% if n > 5 %}big{% elif n %}small{% else %}zero{% endif %} {% if missing %}x{% endif %}{% if not empty %}none{% endif %}
{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.cycle('a', 'b') }}{{ loop.depth }} {% endfor %}
{% for m in messages if m.role == 'user' %}{{ loop.index }}/{{ loop.length }}:{{ m.content }};{% else %}none{% endfor %}{% for m in empty %}x{% else %}none{% endfor %}
{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}>{{ loop.nextitem.role if not loop.last }} {{ loop.changed(m.role == 'user') }} {% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'aé' %}[{{ c }}]{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %} {{ range(3) | list }} {{ range(1, 7, 2) | list }} {{ range(3, 0, -1) | list }}
{% set a = 1 %}{% for i in range(3) %}{{ a }}{% set a = a + 1 %}{{ a }}{% endfor %}{{ a }} {% if true %}{% set a = 9 %}{% endif %}{{ a }}
{% set ns = namespace(n=0, found=false) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }} {{ ns.found }} {{ ns.zz }} {% set a, b = 1, 2 %}{{ a }}{{ b }} {% set c = 1, %}{{ c }}
{% set ns = namespace({'a': 1}) %}{% set ns.b = 2 %}{{ ns.a + ns.b }} {{ dict(a=1, b='x') }} {{ dict([('q', 1)]) }}
{% set x %}block {{ n }}{% endset %}{{ x }}{% set y | upper | trim %} low {% endset %}[{{ y }}]{% with a = 1, b = n %}{{ a + b }}{% endwith %}{% filter upper %}loud {{ n }}{% endfilter %}
{% set d.x = 1 %}
{% macro m(a, b='B', c=a) %}[{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m(1, 2, 3, 4) }}{{ m(b=1) }}
{% macro fact(n) %}{{ n * fact(n - 1) | int if n > 1 else 1 }}{% endmacro %}{{ fact(5) }}
{% macro outer() %}<{{ caller('x') }}>{% endmacro %}{% call(v) outer() %}body {{ v }}{{ n }}{% endcall %}
{% set g = 1 %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ m() }}{% for g in [5] %}{{ m() }}{% endfor %}
{% generation %}said {{ n }}{% endgeneration %}!
a {#- gone -#} b {# stays #} c
{% raw %}{{ not }} {% this %}{% endraw %} {%- raw -%}  x  {%- endraw -%}  y
  {% if true %}
  indented
    {% endif %}
 {{ n }}
after {%+ if true %} x {% endif +%}
 end
{%- if true -%}  tight  {%- endif -%}  out
line{% if true %}  {% endif %}

last

{{ tools | tojson }} {{ tools | tojson(indent=2) }} {{ 'ä<&\'"\\\n\t\x07/' | tojson }} {{ [] | tojson }} {{ {} | tojson(indent=4) }} {{ 'ä😀' | tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': [1.5, none, true]} | tojson(sort_keys=true, separators=(',', ':')) }} {{ 1e20 | tojson }} {{ {1: 2} | tojson }} {{ [[1, [2]], {'x': []}] | tojson(indent='>') }}
{{ missing | tojson }}
{{ text | trim }}|{{ text.strip() }}|{{ text.lstrip() }}|{{ text.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xya'.lstrip('yx') }}|{{ 'abc' | trim('a') }}
{{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ '</think>x</think>y'.split('</think>')[-1] }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ 'k=v=w'.partition('=') }} {{ 'k=v=w'.rpartition('=') }} {{ 'k'.partition('=') }} {{ 'k'.rpartition('=') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'Abc'.upper() }} {{ 'ABC'.lower() }} {{ 'abC dEf'.title() }} {{ "they're bill's".title() }} {{ 'aBC'.capitalize() }} {{ 'ß'.capitalize() }} {{ 'abab'.count('ab') }} {{ 'äbc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('z') }} {{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'pre-x'.removeprefix('pre-') }} {{ 'x.py'.removesuffix('.py') }} {{ '-'.join(['a', 'b']) }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'a1'.islower() }}
{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true) }} {{ [1, 2] | sort(reverse=true) }} {{ messages | sort(attribute='role') | map(attribute='role') | join(',') }} {{ d | dictsort }} {{ d | dictsort(true) }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }}
{{ messages | map(attribute='content') | map('upper') | join('|') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | list }} {{ [0, 1, 2] | select | list }} {{ [1, 2, 3] | select('odd') | list }} {{ [1, 2, 3] | reject('odd') | list }} {{ [{'a': 1}, {}] | map(attribute='a', default='-') | list }} {{ tools | map(attribute='function.name') | first }} {{ tools | selectattr('function.parameters') | list | length }}
{{ [1, 2, 3] | first }}{{ [1, 2, 3] | last }}{{ 'abc' | first }} {{ [1, 2] | sum }} {{ [{'a': 1}] | sum(attribute='a') }} {{ [1, 3, 2] | max }} {{ [1, 3, 2] | min }} {{ ['a', 'B', 'b', 'A'] | unique | list }} {{ [1, 2, 3] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ [1, 2] | reverse | list }} {{ 'abc' | reverse }} {{ 'abc' | list }} {{ d | items | list }} {{ missing | items | list }}
{{ missing | default('dflt') }} {{ '' | default('x') }} {{ '' | default('x', true) }} {{ none | default('x') }} {{ missing | d }}| {{ missing | length }} {{ 'äö' | length }} {{ d | count }} {{ 5 | string ~ 'x' }} {{ '42.7' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ 3.9 | int }} {{ '0x1f' | int(0, 16) }} {{ '3.5' | float }} {{ 'q' | float }} {{ 2.5 | round }} {{ 2.567 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 | round(method='floor') }} {{ -3 | abs }} {{ true | string }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(width=1, blank=true) }}|{{ 'hello wORLD-x' | title }}|{{ 'hELLO' | capitalize }}|{{ 'a b_c, d' | wordcount }}|{{ '<a href="x">&\'' | e }}|{{ '<b>' | safe }}|{{ 'aXb' | replace('X', 'Y') }}
{{ '%s-%d-%5.2f-%r-%%' | format('a', 3, 1.005, 'q') }} {{ '%05d|%-4s|%x' % (42, 'ab', 255) }} {{ '%(a)s' % {'a': 1} }} {{ '{} {1} {a}'.format(1, 2, a=3) if false }}{{ '{} {}'.format(1, 'b') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{a:>4}|{b:.2f}|{{}}'.format(a='x', b=1.5) }} {{ '%g %g' % (0.0001, 1e10) }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'a' }}
{{ missing is defined }} {{ missing is undefined }} {{ nothing is none }} {{ n is number }} {{ true is number }} {{ n is integer }} {{ x is float }} {{ true is integer }} {{ true is boolean }} {{ 'a' is string }} {{ d is mapping }} {{ [] is sequence }} {{ 'a' is iterable }} {{ 5 is iterable }} {{ range is callable }} {{ 3 is odd }} {{ 4 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ none is sameas none }} {{ flag is true }} {{ flag is false }} {{ 1 is true }} {{ n is eq 7 }} {{ n is gt(5) }} {{ 1 is in [1] }} {{ n is not none }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ missing is not defined and true }} {{ (missing is defined) is false }} {{ d.b is defined and d.b is not none }} {{ namespace(a=1) is mapping }}
{{ 'it\'s' }} {{ ["it's", 'say "x"', 'a\\b\n', 'é\x07\u200b'] }} {{ "a" 'b' }} {{ 'a\
b' }} {{ '\101\x41\u00e9\q' }}
{{ raise_exception('refused: ' ~ n) }}
{{ zip([1], [2]) }}
{{ text | nosuchfilter }}
{% if false %}{{ text | nosuchfilter }}{% endif %}fine
{{ text is nosuchtest }}
{% include 'x' %}
{% do x.append(1) %}
{{ 'unclosed }}
{{ 1 + }}
{% if true %}no end
{% endif %}
{{ a b }}
{{ (1 }}
{{ 1) }}
{% for x in 5 %}{% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{{ namespace(_x=1) }}
{{ '{' ~ "}}" ~ '%}' }} {{ {'a': {'b': 1}}.a.b }} {{ {'a': {}}['a'] }}
{{ [1, 2, 3,] }} {{ {'a': 1,} }} {{ (1, 2,) }} {{ range(2,) | list }}
{%- set content = messages[2].content -%}{{ content.rstrip('\n').split('.')[0] }}{{ '</s>' if messages[2].role == "assistant" and not loop is defined }}
""".strip("\n")

MORE = [
    "a\r\nb\rc\n", "\n\n", "x\n", "", "{{ n }}\n\n", "{% if true %}\n{{ n }}\n{% endif %}\n",
    "{% for m in messages %}\n    {{- m.role }}\n{% endfor %}\n", "{% for m in messages -%}\n    {{ m.role }}\n{%- endfor %}\n",
    "a\n  {# c #}\nb", "a\n  {#- c -#}\nb", "  {{ n }}  \n  {%- if 1 %} a\n {% endif %}", "\t{% if 1 %}x{% endif %}\n\t{% if 1 %}y{% endif %}",
    "{% if 1 %}a{% else %}\nb\n{% endif %}\n  {% if 1 %}\n\nq{% endif %}", "{% raw %}\n a\n  {% endraw %}\nz",
]


def render(source):
    try:
        return _compile_jinja_template(source).render(**VARIABLES)
    except Exception:  # whatever it is, we must fail too
        return None


def lines():
    """One source a line; a line that starts inside an open string or is indented continues."""
    out = []
    for line in SOURCES.split("\n"):
        if out and (line.startswith((" ", "b' }}")) or out[-1].endswith("\\")):
            out[-1] += "\n" + line
        elif line:
            out.append(line)
    return out


def main():
    cases = [{"source": s, "want": render(s)} for s in lines() + MORE]
    path = pathlib.Path(__file__).with_name("cases.json")
    path.write_text(json.dumps({"variables": VARIABLES, "cases": cases}, ensure_ascii=False, indent=1) + "\n")
    print(len(cases), sum(c["want"] is None for c in cases))


main()
