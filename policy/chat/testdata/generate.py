"""Writes the folders of this directory: tokenizer settings with a chat template,
and expected.json: what apply_chat_template of transformers makes of conversations.

    python generate.py        # transformers 5; beside this file

The templates are ours, and lay conversations out as the models of their names do.
"""
import json
import pathlib
import shutil
import tempfile

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

LLAMA = r"""{{- bos_token }}
{%- if tools is not defined %}{% set tools = none %}{% endif %}
{%- if not date_string is defined %}
    {%- set date_string = strftime_now("%d %b %Y") if strftime_now is defined else "01 Jan 2024" %}
{%- endif %}
{%- set first = messages[0] %}
{%- set system = "" %}
{%- set turns = messages %}
{%- if first['role'] == 'system' %}
    {%- set system = first['content'] | trim %}
    {%- set turns = messages[1:] %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system ~ "<|eot_id|>" }}
{%- for m in turns %}
    {%- if not ('tool_calls' in m or m.role in ["tool", "ipython"]) %}
        {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}
        {%- if loop.first and tools is not none %}
            {%- for t in tools %}
                {{- t | tojson(indent=4) }}
                {{- "\n\n" }}
            {%- endfor %}
        {%- endif %}
        {{- m['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in m %}
        {%- if not m.tool_calls | length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set call = m.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
        {%- if m.content is mapping or m.content is iterable and m.content is not string %}
            {{- m.content | tojson }}
        {%- else %}
            {{- m.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""

QWEN25 = r"""{%- macro open(role) %}{{ '<|im_start|>' ~ role }}{% endmacro %}
{%- set own = messages[0]['role'] == 'system' %}
{{- open('system') + '\n' }}
{{- messages[0]['content'] if own else 'You are a helpful assistant.' }}
{%- if tools %}
    {{- "\n\n# Tools\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" ~ tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\nAnswer a call as {\"name\": <name>, \"arguments\": <object>}" }}
{%- endif %}
{{- '<|im_end|>\n' }}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- open(message.role) + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {{- open(message.role) }}
        {%- if message.content %}
            {{- '\n' + message.content }}
        {%- endif %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}
                {%- set call = call.function %}
            {%- endif %}
            {{- '\n<tool_call>\n{"name": "' }}
            {{- call.name }}
            {{- '", "arguments": ' }}
            {{- call.arguments | tojson }}
            {{- '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- open('user') }}
        {%- endif %}
        {{- '\n<tool_response>\n' ~ message.content ~ '\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- open('assistant') + '\n' }}
{%- endif %}
"""

QWEN3 = r"""{%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for m in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and m.role == "user" and m.content is string and not(m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thought = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '<|im_start|>assistant\n<think>\n' + thought.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}
"""

MISTRAL = (
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set turns = messages[1:] %}"
    "{% else %}{% set turns = messages %}{% endif %}{{ bos_token }}{% for m in turns %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ ' [INST] ' + (system + '\n\n' if loop.first and system is defined else '') + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token}}{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
MISTRAL_TOOLS = "{{ bos_token }}[AVAILABLE_TOOLS] {{ tools | map(attribute='function') | list | tojson }}[/AVAILABLE_TOOLS]{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"

CHATML = """{% for message in messages %}
<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}
"""

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Of a <b>city</b> & \"more\"", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}}, "required": ["city"]}}}]
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "days": 2, "scale": 1.0}}}
CONVERSATIONS = [
    {"messages": [{"role": "user", "content": " Hello, wörld! <b>\n"}]},
    {"messages": [{"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "2+2 "}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes?"}, {"role": "user", "content": "2+2"}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes?"}]},
    {"messages": [{"role": "user", "content": "Hi"}], "variables": {"enable_thinking": False}},
    {"messages": [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                  {"role": "tool", "content": "rain"}, {"role": "tool", "content": "wind"}, {"role": "user", "content": "Thanks"}], "tools": TOOLS},
    {"messages": [{"role": "user", "content": "Weather?"}], "tools": TOOLS},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]}]},
    {"messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]},
]

LLAMA_TOKENS = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
QWEN_TOKENS = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None}
MISTRAL_TOKENS = {"bos_token": {"__type": "AddedToken", "content": "<s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}, "eos_token": "</s>"}

FOLDERS = {
    "llama": (LLAMA_TOKENS | {"chat_template": LLAMA}, None),
    "qwen2.5": (QWEN_TOKENS | {"chat_template": QWEN25}, None),
    "qwen3": (QWEN_TOKENS | {"chat_template": QWEN3}, None),
    "mistral": (MISTRAL_TOKENS | {"chat_template": [{"name": "default", "template": MISTRAL}, {"name": "tool_use", "template": MISTRAL_TOOLS}]}, None),
    "chatml": (QWEN_TOKENS | {"chat_template": "never {{ read }}"}, CHATML),
}


def expected(folder):
    """What transformers renders for each conversation, None where it refuses."""
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copytree(folder, tmp, dirs_exist_ok=True)
        Tokenizer(models.WordLevel({"x": 0}, unk_token="x")).save(tmp + "/tokenizer.json")
        tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp)
    out = []
    for c in CONVERSATIONS:
        variables = {"date_string": "26 Jul 2024"} | c.get("variables", {})
        try:
            text = tokenizer.apply_chat_template(c["messages"], tools=c.get("tools"), add_generation_prompt=True, tokenize=False, **variables)
        except Exception:  # a refusal, or roles that the template cannot lay out
            text = None
        out.append({"conversation": {"messages": c["messages"], "tools": c.get("tools"), "variables": variables}, "want": text})
    return out


def main():
    for name, (config, template) in FOLDERS.items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | config, indent=1) + "\n")
        if template:
            (folder / "chat_template.jinja").write_text(template)
        (folder / "expected.json").unlink(missing_ok=True)
        cases = expected(folder)
        (folder / "expected.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")
        print(name, len(cases), sum(c["want"] is None for c in cases))


main()
