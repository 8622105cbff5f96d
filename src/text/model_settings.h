#pragma once
// Which model the "model" of a tokenizer.json is, and how it is set.

#include <memory>
#include <string>

#include "base/result.h"
#include "text/model_json.h"
#include "text/word_model.h"

namespace ingle {

// `name` becomes a description. `bytes`: words are bytes that the vocabulary spells as GPT-2 does.
// Sets special.unk where nothing else did.
Result<std::unique_ptr<WordModel>> MakeModel(const ModelJson& json, ModelVocabulary& vocabulary,
                                             bool bytes, std::string& name, SpecialTokens& special);

}  // namespace ingle
