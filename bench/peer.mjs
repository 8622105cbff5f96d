// llama.cpp (npm package node-llama-cpp, prebuilt) on one model: prefill and decode speed, a JSON object per repetition.
//   node bench/peer.mjs MODEL PROMPT GENERATE THREADS REPEAT [DEPTH STATE]
// DEPTH tokens are in the cache before anything is measured; they are computed once and kept in the file STATE.
import fs from "node:fs";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [prompt, generate, threads, repeat, depth = 0] = process.argv.slice(3, 8).map(Number);
const [model_path, state] = [process.argv[2], process.argv[8]];
const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: model_path});
const context = await model.createContext({
  contextSize: depth + prompt + generate + 8, batchSize: Math.max(prompt, depth ? 512 : 0), threads,
  flashAttention: true,
});
const sequence = context.getSequence();

// Ordinary tokens, all different within a window: no engine may profit from repetition.
const vocabulary = 200;
const tokens = (count) => Array.from({length: count}, (_, i) => (i * 37 + 11) % vocabulary);

async function fill() {
  await sequence.clearHistory();
  if (!depth) return;
  if (fs.existsSync(state)) return await sequence.loadStateFromFile(state, {acceptRisk: true});
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(depth));
  await sequence.saveStateToFile(state);
}

if (repeat === 0) await fill();
for (let round = 0; round < repeat; round++) {
  await fill();
  const start = process.hrtime.bigint();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(prompt));
  const filled = process.hrtime.bigint();
  let count = 0;
  // minP 0 and temperature 0: greedy, the cheapest sampler it has. An end token must not end the measurement.
  for await (const token of sequence.evaluate([13], {temperature: 0, yieldEogToken: true})) {
    if (++count >= generate) break;
  }
  const done = process.hrtime.bigint();
  console.log(JSON.stringify({
    engine: "llama.cpp", prefill_tokens_per_second: prompt / (Number(filled - start) / 1e9),
    decode_tokens_per_second: count / (Number(done - filled) / 1e9), tokens: count, threads, depth,
    release: llama.llamaCppRelease.release,
    system: llama.systemInfo.split("|").map((s) => s.trim()).filter((s) => s.endsWith("= 1")).join(", "),
  }));
}
await llama.dispose();
