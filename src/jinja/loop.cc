// The state behind the variable `loop`.

#include "jinja/numbers.h"
#include "jinja/runtime.h"

namespace ingle::jinja {

Value LoopData::Peek(Runtime& run) {
  if (!peeked) {
    if (draining)
      after = drained_at < drained.size() ? drained[drained_at++] : Value();
    else
      after = cursor.Next(run);
    peeked = true;
  }
  return after;
}

Value LoopData::Next(Runtime& run) {
  Value item = Peek(run);
  if (item.failed() || item.missing()) return item;
  peeked = false;
  after = Value();
  index0++;
  before = std::move(current);
  current = item;
  return item;
}

Value LoopData::Length(Runtime& run) {
  if (!length) {
    if (cursor.source().kind() != Kind::kIterator) {
      Value count = run.Length(cursor.source());
      if (count.failed()) return count;
      length = count.integer();
    } else {
      while (true) {
        Value item = cursor.Next(run);
        if (item.failed()) return item;
        if (item.missing()) break;
        drained.push_back(std::move(item));
        if (drained.size() % 4096 == 0 && !run.SpendBytes(drained.size() * sizeof(Value)))
          return Value::Failure();
      }
      draining = true;
      length =
          static_cast<int64_t>(drained.size()) + index0 + 1 + (peeked && !after.missing() ? 1 : 0);
    }
  }
  return Value::Int(*length);
}

}  // namespace ingle::jinja
