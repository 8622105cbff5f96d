// Encodes many strings with llama.cpp (npm package node-llama-cpp), vocabulary only. Same streams as bulk_encode.cc.
//   node llama_encode.mjs VOCAB.gguf [--special] < strings > ids
import { readFileSync, writeSync } from "node:fs";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const special = process.argv.includes("--special");
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: process.argv[2], vocabOnly: true });
const input = readFileSync(0);
const parts = [];
for (let at = 0; at < input.length;) {
    const length = input.readUInt32LE(at);
    const text = input.toString("utf8", at + 4, at + 4 + length);
    at += 4 + length;
    const ids = text === "" ? [] : model.tokenize(text, special);
    const part = Buffer.alloc(4 + 4 * ids.length);
    part.writeUInt32LE(ids.length, 0);
    ids.forEach((id, i) => part.writeInt32LE(id, 4 + 4 * i));
    parts.push(part);
}
const output = Buffer.concat(parts);
for (let at = 0; at < output.length;) at += writeSync(1, output, at);
process.exit(0);
