// llama.cpp (npm package node-llama-cpp, prebuilt) on one model: prefill and decode speed, one JSON object per repetition.
//   node bench/peer.mjs MODEL PROMPT GENERATE THREADS REPEAT
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [model_path, prompt, generate, threads, repeat] = process.argv.slice(2).map((v, i) => (i ? Number(v) : v));
const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: model_path});
const context = await model.createContext({contextSize: prompt + generate + 8, batchSize: prompt, threads, flashAttention: true});
const sequence = context.getSequence();

// Ordinary tokens, all different within a window: no engine may profit from repetition.
const vocabulary = 200;
const tokens = Array.from({length: prompt}, (_, i) => (i * 37 + 11) % vocabulary);

for (let round = 0; round < repeat; round++) {
  await sequence.clearHistory();
  const start = process.hrtime.bigint();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  const filled = process.hrtime.bigint();
  let count = 0;
  // minP 0 and temperature 0: greedy, the cheapest sampler it has. An end token must not end the measurement.
  for await (const token of sequence.evaluate([13], {temperature: 0, yieldEogToken: true})) {
    if (++count >= generate) break;
  }
  const done = process.hrtime.bigint();
  console.log(JSON.stringify({
    engine: "llama.cpp", prefill_tokens_per_second: prompt / (Number(filled - start) / 1e9),
    decode_tokens_per_second: count / (Number(done - filled) / 1e9), tokens: count, threads,
    system: llama.systemInfo.split("|").map((s) => s.trim()).filter((s) => s.endsWith("= 1")).join(", "),
  }));
}
await llama.dispose();
