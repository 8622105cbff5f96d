// Logits and greedy text of llama.cpp (npm package node-llama-cpp) for a list of jobs.
//
//   node peer.mjs JOBS.json        JOBS: [{model, tokens: [...], cache: "f32" | "default" | type, out: "x.npy",
//                                          generate: 0, generated: "y.json"}]
//
// cache "f32": F32 keys and values, flash attention off. "default": as llama.cpp runs by itself. Another type ("f16",
// "q8_0"): keys and values of it, flash attention on, without which values cannot be quantised. Two threads.
// Writes float32 [tokens, vocab]. With `generate` also that many greedy tokens, one at a time, each with the gap between
// its logit and the next best.
import fs from "node:fs";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

function npy(rows, columns, values) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(header, "latin1"), Buffer.from(values.buffer)]);
}

// Each input token with its logits as [[token, logit], ...]: temperature 0 leaves them as the model gives them.
const wanted = (token) => [token, {generateNext: {logits: true, options: {temperature: 0}}}];

function pairs(result) {
  const found = result?.next?.logits;
  if (found == null) throw new Error("no logits came back");
  return found instanceof Map ? [...found.entries()] : Object.values(found);
}

async function run(llama, job) {
  const model = await llama.loadModel({modelPath: job.model, gpuLayers: 0, useMmap: true});
  const count = job.tokens.length + (job.generate ?? 0);
  const precise = job.cache === "f32";
  const type = job.cache === "default" ? undefined : job.cache.toUpperCase();
  const context = await model.createContext({
    contextSize: Math.ceil((count + 8) / 256) * 256, batchSize: Math.max(512, job.tokens.length), threads: {ideal: 2, min: 2},
    flashAttention: precise ? false : type ? true : "auto",
    ...(type ? {experimentalKvCacheKeyType: type, experimentalKvCacheValueType: type} : {}),
  });
  const sequence = context.getSequence();
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const values = new Float32Array(job.tokens.length * vocabulary);
  // In one batch, unless every logit as an object of its own would take too much memory.
  const step = vocabulary > 20000 ? 8 : job.tokens.length;
  let last;
  for (let begin = 0; begin < job.tokens.length; begin += step) {
    const results = await sequence.controlledEvaluate(job.tokens.slice(begin, begin + step).map(wanted));
    results.forEach((result, i) => {
      const found = pairs(result);
      if (found.length !== vocabulary) throw new Error(`${found.length} logits of ${vocabulary}`);
      for (const [token, logit] of found) values[(begin + i) * vocabulary + token] = logit;
    });
    last = results.at(-1);
  }
  fs.writeFileSync(job.out, npy(job.tokens.length, vocabulary, values));
  if (job.generate) fs.writeFileSync(job.generated, JSON.stringify(await greedy(sequence, last, job.generate)));
  await context.dispose();
  await model.dispose();
}

async function greedy(sequence, last, count) {
  const tokens = [], gaps = [];
  while (true) {
    const best = pairs(last).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    tokens.push(best[0][0]);
    gaps.push(best[0][1] - best[1][1]);
    if (tokens.length === count) return {tokens, gaps};
    [last] = await sequence.controlledEvaluate([wanted(tokens.at(-1))]);
  }
}

const llama = await getLlama({gpu: false, build: "never", maxThreads: 2, logLevel: LlamaLogLevel.error});
for (const job of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) await run(llama, job);
await llama.dispose();
