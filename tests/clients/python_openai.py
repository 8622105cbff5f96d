"""The openai package, with nothing special but the base URL: python_openai.py BASE_URL. Exits 0 when all holds."""
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
(model,) = client.models.list().data
QUESTION = [{"role": "user", "content": "What is the capital of Poland?"}]

answer = client.chat.completions.create(model=model.id, messages=QUESTION, temperature=0)
choice = answer.choices[0]
assert choice.message.role == "assistant" and choice.finish_reason == "stop", answer
assert "Warsaw" in choice.message.content, answer
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
assert answer._request_id.startswith("req_")

stream = client.chat.completions.create(model=model.id, messages=QUESTION, temperature=0, stream=True,
                                        stream_options={"include_usage": True})
chunks = list(stream)
text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
assert text == choice.message.content
assert chunks[-1].usage == answer.usage, (chunks[-1].usage, answer.usage)
assert [c.choices[0].delta.role for c in chunks if c.choices and c.choices[0].delta.role] == ["assistant"]

with client.chat.completions.stream(model=model.id, messages=QUESTION, temperature=0) as helper:
    for _ in helper:
        pass
    final = helper.get_final_completion()
assert final.choices[0].message.role == "assistant" and final.choices[0].message.content == text

both = client.chat.completions.create(model=model.id, messages=QUESTION, n=2, seed=3, logprobs=True, top_logprobs=2,
                                      max_tokens=8)
assert [c.index for c in both.choices] == [0, 1]
assert all(len(t.top_logprobs) == 2 for t in both.choices[0].logprobs.content)

conversation = QUESTION + [{"role": "assistant", "content": text}, {"role": "user", "content": "Hello!"}]
assert client.chat.completions.create(model=model.id, messages=conversation, max_tokens=20).choices[0].message.content

completion = client.completions.create(model=model.id, prompt="Once upon a time", max_tokens=8, temperature=0)
assert completion.choices[0].finish_reason in ("length", "stop")
pieces = list(client.completions.create(model=model.id, prompt="Once upon a time", max_tokens=8, temperature=0,
                                        stream=True))
assert "".join(p.choices[0].text for p in pieces) == completion.choices[0].text

try:
    client.chat.completions.create(model=model.id, messages=QUESTION, temperature=9)
    raise SystemExit("temperature 9 was accepted")
except openai.BadRequestError as error:
    assert error.param == "temperature" and error.request_id.startswith("req_")
try:
    client.models.retrieve("org/none:tag")
    raise SystemExit("a model that is not there was found")
except openai.NotFoundError as error:
    assert error.code == "model_not_found"
print("openai", openai.__version__, "ok")
