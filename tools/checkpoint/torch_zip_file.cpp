// torch.save's archive:
//
//   archive/data.pkl   a pickle (protocol 2) of the dictionary; a tensor is a call of
//   torch._utils._rebuild_tensor_v2
//                      with a persistent id ("storage", torch.<T>Storage, "<number>", "cpu", elements)
//   archive/data/<n>   the elements of storage n
//   archive/version    "3\n"
#include <fmt/format.h>

#include "base/error.h"
#include "checkpoint/weight_file.h"
#include "checkpoint/zip_file.h"

namespace dq::tools {
namespace {

// Writes the few opcodes that a state dictionary needs.
class Pickle {
 public:
  Pickle() { bytes_ = "\x80\x02"; }  // PROTO 2
  void op(char opcode) { bytes_.push_back(opcode); }
  void integer(std::int64_t v) {  // BININT
    op('J');
    little_endian(static_cast<std::uint64_t>(v));
  }
  void text(std::string_view v) {  // BINUNICODE
    op('X');
    little_endian(v.size());
    bytes_ += v;
  }
  void global(std::string_view module, std::string_view name) {
    bytes_ += fmt::format("c{}\n{}\n", module, name);
  }
  void tuple(const Shape& values) {
    op('(');
    for (const std::int64_t v : values) integer(v);
    op('t');
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void little_endian(std::uint64_t v) {
    for (int i = 0; i < 4; ++i) bytes_.push_back(static_cast<char>(v >> (8 * i) & 0xff));
  }
  std::string bytes_;
};

std::string_view storage_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "FloatStorage";
    case DType::kF16:
      return "HalfStorage";
    case DType::kBF16:
      return "BFloat16Storage";
    case DType::kI64:
      return "LongStorage";
    default:
      throw Error(ErrorCode::kInternal, "no storage class for this dtype");
  }
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

void pickle_tensor(Pickle& p, const OutputTensor& tensor, std::size_t number) {
  p.global("torch._utils", "_rebuild_tensor_v2");
  p.op('(');
  p.op('(');
  p.text("storage");
  p.global("torch", storage_of(tensor.dtype));
  p.text(std::to_string(number));
  p.text("cpu");
  p.integer(element_count(tensor.shape));
  p.op('t');
  p.op('Q');  // BINPERSID
  p.integer(0);
  p.tuple(tensor.shape);
  p.tuple(contiguous_strides(tensor.shape));
  p.op('\x89');  // requires_grad = false
  p.global("collections", "OrderedDict");
  p.op(')');
  p.op('R');  // no backward hooks
  p.op('t');
  p.op('R');
}

std::string pickle_of(const std::vector<OutputTensor>& tensors, bool nested) {
  Pickle p;
  if (nested) {
    p.op('}');
    p.op('(');
    p.text("epoch");
    p.integer(4);
    p.text("global_step");
    p.integer(470000);
    p.text("state_dict");
  }
  p.op('}');
  p.op('(');
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    p.text(tensors[i].name);
    pickle_tensor(p, tensors[i], i);
  }
  p.op('u');  // SETITEMS
  if (nested) p.op('u');
  p.op('.');
  return p.bytes();
}

}  // namespace

void write_torch_zip(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                     bool nested) {
  ZipFile zip(path);
  zip.add("archive/data.pkl", pickle_of(tensors, nested));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto bytes =
        static_cast<std::uint64_t>(element_count(tensors[i].shape) * size_of(tensors[i].dtype));
    zip.add(fmt::format("archive/data/{}", i), bytes, tensors[i].produce);
  }
  zip.add("archive/version", "3\n");
  zip.finish();
}

}  // namespace dq::tools
