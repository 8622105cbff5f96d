"""LangChain, with nothing special but the base URL: python_langchain.py BASE_URL."""
import sys

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAI

chat = ChatOpenAI(base_url=sys.argv[1], api_key="none", model="spark", temperature=0, max_retries=0)
answer = chat.invoke("What is the capital of Poland?")
assert "Warsaw" in answer.content, answer
assert answer.response_metadata["finish_reason"] == "stop"
assert answer.usage_metadata["total_tokens"] == answer.usage_metadata["input_tokens"] + answer.usage_metadata["output_tokens"]

pieces = list(chat.stream("What is the capital of Poland?", stream_usage=True))
whole = pieces[0]
for piece in pieces[1:]:
    whole += piece
assert whole.content == answer.content
assert whole.usage_metadata["total_tokens"] == answer.usage_metadata["total_tokens"], "counted once"

history = [SystemMessage("You are ingle."), HumanMessage("My name is Anna."), AIMessage("Hello, Anna!"),
           HumanMessage("What is my name?")]
assert chat.invoke(history).content
assert len(chat.batch(["Hello!", "What is 1 + 1?"])) == 2
capped = ChatOpenAI(base_url=sys.argv[1], api_key="none", model="spark", max_tokens=2, max_retries=0)
assert capped.invoke("Count from 1 to 9.").response_metadata["finish_reason"] == "length"
assert isinstance(OpenAI(base_url=sys.argv[1], api_key="none", model="spark", max_tokens=8).invoke("Once"), str)
print("langchain-openai ok")
