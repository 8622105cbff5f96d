#pragma once
// JSON configuration as flat metadata: {"a": {"b": [1, 2]}} becomes the key "a.b" with a list.

#include <string>
#include <string_view>

#include "base/result.h"
#include "files/metadata.h"

namespace ingle {

// Adds the members of the object in `text` under prefix + their names. Lists of one kind (truth
// values, strings, numbers) stay lists, other lists are flattened by index ("a.0.b"); null and
// empty lists are left out, as if the key were absent. what: names the text in messages.
Status AddFlatJson(std::string_view text, std::string_view what, const std::string& prefix,
                   Metadata* metadata);

}  // namespace ingle
