// Any bytes as a template, rendered with a small conversation; what it prints must keep its limits
// and its UTF-8.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "jinja/ast.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingle;
  auto syntax = jinja::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!syntax) return 0;
  static const json::value kMessages = json::parse(
      R"([{"role":"user","content":"h\u00e9llo <|im_end|>"},
      {"role":"assistant","content":null,"tool_calls":[
       {"function":{"name":"f","arguments":{"x":[1,2.5,true]}}}]}])");
  jinja::Runtime run(*syntax, 100, 1'700'000'000);
  run.SetVariable("messages", run.FromJson(kMessages));
  run.SetVariable("m", run.FromJson(kMessages.as_array()[1]));
  auto text = run.Render();
  if (!text) return 0;
  if (text->size() > jinja::kMaxOutputBytes || !jinja::ValidUtf8(text->view())) abort();
  return 0;
}
