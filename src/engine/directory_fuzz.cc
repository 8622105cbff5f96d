// Any bytes as the small files of a Hugging Face directory, with weights that are all zero: reading
// it, its tokenizer, templates and defaults ends with a value or with an error that says something.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/end_tokens.h"
#include "engine/engine.h"
#include "engine/text_facts.h"
#include "files/model_files.h"
#include "model/weights.h"

namespace {

// One after the other in the input, each ended by the byte kEnd. An empty one is not written.
constexpr std::string_view kFiles[] = {
    "config.json",        "generation_config.json",       "tokenizer_config.json",
    "tokenizer.json",     "special_tokens_map.json",      "chat_template.jinja",
    "chat_template.json", "model.safetensors.index.json",
};
constexpr char kEnd = '\x1e';

// In memory, and gone at the end of the process.
struct Folder {
  Folder() {
    char name[] = "/dev/shm/directory_fuzz.XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void Put(std::string_view name, std::string_view bytes) const {
    const auto file = path / name;
    if (bytes.empty())
      std::filesystem::remove(file);
    else
      std::ofstream(file, std::ios::binary) << bytes;
  }
  std::filesystem::path path;
};

void MustSay(const ingle::Error& error) {
  if (error.message.empty()) std::abort();
}

void Read(const std::string& path) {
  const auto files = ingle::OpenModelFiles(path, {.check = ingle::CheckSupported});
  if (!files) return MustSay(files.error());
  const auto plan = ingle::PlanModel(*files);
  if (plan)
    for (const ingle::PlannedTensor& tensor : plan->tensors) (void)ingle::ReadFloats(tensor);
  else
    MustSay(plan.error());
  const ingle::ModelDefaults defaults = ingle::FindModelDefaults(files->metadata());
  (void)ingle::DescribeText(defaults);
  const auto text = ingle::LoadTextParts(files->metadata(), "");
  if (!text) return MustSay(text.error());
  const auto ends = ingle::FindEndTokens(*text->tokenizer, files->metadata(), text->turn_endings);
  (void)ingle::DescribeText(*text, ends, defaults, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const std::string_view name : kFiles) {
    const std::string_view bytes = rest.substr(0, rest.find(kEnd));
    folder.Put(name, bytes);
    rest.remove_prefix(std::min(rest.size(), bytes.size() + 1));
  }
  // The header of the weights, after two bytes: how many groups of four bytes follow it.
  std::string weights;
  if (rest.size() > 2) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(rest[i])); };
    const size_t zeros = (byte(0) << 8 | byte(1)) * 4;
    rest.remove_prefix(2);
    const uint64_t length = rest.size();
    weights.assign(reinterpret_cast<const char*>(&length), sizeof(length));
    weights.append(rest).append(zeros, '\0');
  }
  folder.Put("model.safetensors", weights);
  Read(folder.path.string());
  return 0;
}
