// llama.cpp (npm package node-llama-cpp, prebuilt): how long until a model is loaded, and until its first token.
//   node bench/peer_load.mjs MODEL CONTEXT THREADS STARTED    STARTED: when the process was started, seconds since 1970
import {readFileSync} from "node:fs";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [model_path, context_size, threads, started] = process.argv.slice(2).map((v, i) => (i ? Number(v) : v));
const seconds = () => Date.now() / 1000 - started;
const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: model_path});
const context = await model.createContext({contextSize: context_size, threads, flashAttention: true});
const ready_s = seconds();
for await (const token of context.getSequence().evaluate([13], {temperature: 0, yieldEogToken: true})) break;
const first_token_s = seconds();
const hwm = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/)[1];
console.log(JSON.stringify({ready_s, first_token_s, hwm_bytes: hwm * 1024}));
await llama.dispose();
