// The openai package for Node when something goes wrong: node_faults.mjs BASE_URL CASE. Prints "ok" when all holds.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [baseURL, name] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'sesame' });
const ask = (content, rest = {}) => ({ model: 'fake', messages: [{ role: 'user', content }], ...rest });
const cases = {
  async wrongKey() {
    const stranger = new OpenAI({ baseURL, apiKey: 'wrong' });
    await assert.rejects(stranger.models.list(), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.code, 'invalid_api_key');
      return true;
    });
  },
  async refused() {
    await assert.rejects(client.chat.completions.create(ask('hi', { temperature: 9 })), OpenAI.BadRequestError);
    await assert.rejects(client.chat.completions.create(ask('x'.repeat(5000))), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, 'context_length_exceeded');
      assert.match(error.message, /This model's maximum context length is 4096 tokens/);
      return true;
    });
    await assert.rejects(client.get('/nothing'), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, 'unknown_url');
      assert.match(error.requestID, /^req_/);
      return true;
    });
  },
  async cutShort() {
    const stream = await client.chat.completions.create(ask('#fail', { stream: true }));
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of stream) text += chunk.choices[0].delta.content ?? '';
    }, (error) => error instanceof OpenAI.APIError && /a number was not finite/.test(error.message));
    assert.equal(text, 'x x x ');
    await assert.rejects(client.chat.completions.stream(ask('#fail')).finalChatCompletion(), OpenAI.APIError);
  },
  async gone() {
    await assert.rejects(client.chat.completions.create(ask('anyone?')), OpenAI.InternalServerError);
  },
  async impatient() {
    const hasty = new OpenAI({ baseURL, apiKey: 'sesame', timeout: 4000, maxRetries: 1 });
    await assert.rejects(hasty.chat.completions.create(ask('#count 100')), OpenAI.APIConnectionTimeoutError);
  },
  async full() {
    // As often as it takes: how soon there is room is not what is asked here.
    const patient = new OpenAI({ baseURL, apiKey: 'sesame', maxRetries: 100 });
    const answer = await patient.chat.completions.create(ask('late'));
    assert.equal(answer.choices[0].message.content, 'late ');
  },
  async left() {
    const stream = await client.chat.completions.create(ask('#count 100000000', { stream: true }));
    for await (const chunk of stream) if (chunk.choices[0].delta.content === '5 ') break;
  },
};
await cases[name]();
console.log('ok');
