#pragma once
// The parts of DescribeDecoder that have a file of their own.

#include "model/key_reader.h"

namespace ingle {

// describe_rope.cc: Blueprint::rope and local_rope.
Status DescribeRope(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint);
// describe_layers.cc: which layers are convolutions, and which see a window only.
Status DescribeLayerTypes(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint);
// describe_experts.cc: how many there are, how they are chosen, and in which layers.
Status DescribeExperts(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint);

}  // namespace ingle
