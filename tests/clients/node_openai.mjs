// The openai package for Node, with nothing special but the base URL: node_openai.mjs BASE_URL.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'none', maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: 'user', content: 'What is the capital of Poland?' }];

const answer = await client.chat.completions.create({ model, messages, temperature: 0 });
assert.match(answer.choices[0].message.content, /Warsaw/);
assert.equal(answer.choices[0].finish_reason, 'stop');
assert.match(answer._request_id, /^req_/);

const chunks = [];
const stream = await client.chat.completions.create({
  model, messages, temperature: 0, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) chunks.push(chunk);
const text = chunks.flatMap((c) => c.choices).map((c) => c.delta.content ?? '').join('');
assert.equal(text, answer.choices[0].message.content);
assert.deepEqual(chunks.at(-1).usage, answer.usage);

const helper = client.chat.completions.stream({ model, messages, temperature: 0 });
const final = await helper.finalChatCompletion();
assert.equal(final.choices[0].message.content, text);
assert.equal(final.choices[0].message.role, 'assistant');

await assert.rejects(client.chat.completions.create({ model, messages, temperature: 9 }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, 'temperature');
  assert.match(error.requestID, /^req_/);
  return true;
});
await assert.rejects(client.models.retrieve('org/none:tag'), OpenAI.NotFoundError);

// Leaving in the middle must not disturb what follows.
const left = await client.chat.completions.create({ model, messages, stream: true });
for await (const _ of left) break;
const completion = await client.completions.create({ model, prompt: 'Once upon a time', max_tokens: 8 });
assert.equal(typeof completion.choices[0].text, 'string');
console.log('openai for node ok');
