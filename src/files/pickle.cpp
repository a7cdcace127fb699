#include "files/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"

namespace dq::files {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMaxStack = 1'000'000;
constexpr std::size_t kMaxMemo = 2'000'000;
constexpr std::size_t kMaxNameLine = 512;
// Memory of values, containers and memo together. A tensor takes about 600 bytes of it.
constexpr std::uint64_t kMaxTreeBytes = 36u << 20;
constexpr std::uint64_t kItemCost = 2 * sizeof(PickleValue);  // vectors grow by doubling
constexpr std::uint64_t kNodeCost = sizeof(PickleNode) + 16;

enum Op : std::uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kShortBinBytes = 'C',
  kBinBytes = 'B',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kBinPersId = 'Q',
  kReduce = 'R',
  kBuild = 'b',
  kNewObj = 0x81,
  kAppend = 'a',
  kAppends = 'e',
  kSetItem = 's',
  kSetItems = 'u',
};

PickleValue value_of(Kind kind, std::uint64_t bits = 0) {
  PickleValue out;
  out.kind = kind;
  out.bits = bits;
  return out;
}

class Machine {
 public:
  Machine(Bytes bytes, std::uint64_t base)
      : in_(bytes.first(std::min<std::size_t>(bytes.size(), kMaxPickleBytes)), base), base_(base) {
    tree_.bytes = bytes;
  }

  PickleTree run() {
    if (byte("the pickle") != kProto) fail("it does not begin with a protocol number");
    check_protocol();
    for (;;) {
      at_ = in_.offset();
      const std::uint8_t op = byte("the pickle");
      if (op == kStop) break;
      step(op);
    }
    tree_.root = pop();
    if (!stack_.empty()) fail("it ends with values left over");
    tree_.size = in_.offset() - base_;
    return std::move(tree_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::kBadFile, "the pickle is malformed: " + message).at(at_);
  }

  void step(std::uint8_t op) {
    switch (op) {
      case kProto:
        return check_protocol();
      case kFrame:
        return check_frame();
      case kMark:
        return mark();
      case kNone:
        return push(value_of(Kind::kNone));
      case kNewTrue:
        return push(value_of(Kind::kBool, 1));
      case kNewFalse:
        return push(value_of(Kind::kBool, 0));
      case kBinInt:
        return push_int(in_.little<std::int32_t>("a number"));
      case kBinInt1:
        return push_int(in_.little<std::uint8_t>("a number"));
      case kBinInt2:
        return push_int(in_.little<std::uint16_t>("a number"));
      case kLong1:
        return push_long(byte("a number"));
      case kBinFloat:
        return push(value_of(Kind::kFloat, in_.big<std::uint64_t>("a number")));
      case kBinUnicode:
        return push_slice(Kind::kText, in_.little<std::uint32_t>("a text"));
      case kShortBinUnicode:
        return push_slice(Kind::kText, byte("a text"));
      case kBinBytes:
        return push_slice(Kind::kBytes, in_.little<std::uint32_t>("a byte string"));
      case kShortBinBytes:
        return push_slice(Kind::kBytes, byte("a byte string"));
      case kBinPut:
        return remember(byte("a memo number"));
      case kLongBinPut:
        return remember(in_.little<std::uint32_t>("a memo number"));
      case kMemoize:
        return remember(memo_.size());
      case kBinGet:
        return recall(byte("a memo number"));
      case kLongBinGet:
        return recall(in_.little<std::uint32_t>("a memo number"));
      default:
        return step_containers(op);
    }
  }

  void step_containers(std::uint8_t op) {
    switch (op) {
      case kEmptyDict:
        return push(new_node(Kind::kDict));
      case kEmptyList:
        return push(new_node(Kind::kList));
      case kEmptyTuple:
        return push(new_node(Kind::kTuple));
      case kTuple:
        return make_tuple(unmark());
      case kTuple1:
        return make_tuple(1);
      case kTuple2:
        return make_tuple(2);
      case kTuple3:
        return make_tuple(3);
      case kAppend:
        return append(1);
      case kAppends:
        return append(unmark());
      case kSetItem:
        return set_items(2);
      case kSetItems:
        return set_items(unmark());
      case kGlobal:
        return global();
      case kStackGlobal:
        return stack_global();
      case kBinPersId:
        return persistent_id();
      case kReduce:
        return reduce();
      case kNewObj:
        return new_object();
      case kBuild:
        return build();
      default:
        fail(fmt::format("the instruction 0x{:02x} is not allowed", op));
    }
  }

  // ---- numbers, text ----

  std::uint8_t byte(const char* what) { return in_.little<std::uint8_t>(what); }

  void check_protocol() {
    const std::uint8_t protocol = byte("the protocol number");
    if (protocol < 2 || protocol > 5) fail(fmt::format("protocol {} is not one of 2 to 5", protocol));
  }
  void check_frame() {
    if (in_.little<std::uint64_t>("a frame") > in_.left()) fail("a frame is longer than the pickle");
  }
  void push_int(std::int64_t value) { push(value_of(Kind::kInt, static_cast<std::uint64_t>(value))); }

  // Two's complement, little-endian, of any length.
  void push_long(std::uint8_t size) {
    if (size > 8) return push_slice(Kind::kBigInt, size);
    std::uint64_t value = 0;
    const Bytes bytes = in_.take(size, "a number");
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    if (size > 0 && size < 8 && (bytes.back() & std::byte{0x80}) != std::byte{0})
      value |= ~std::uint64_t{0} << (8 * size);
    push(value_of(Kind::kInt, value));
  }

  void push_slice(Kind kind, std::uint32_t size) {
    PickleValue out = value_of(kind, in_.offset() - base_);
    in_.skip(size, "a text or byte string");
    out.length = size;
    push(out);
  }

  // ---- stack and memo ----

  // The unpickler of Python hides what lies below a mark; so the stack's floor is the newest mark.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  void push(PickleValue value) {
    if (stack_.size() == kMaxStack) fail("the stack is too deep");
    stack_.push_back(value);
    if (stack_.size() > stack_peak_) charge(sizeof(PickleValue)), stack_peak_ = stack_.size();
  }
  PickleValue pop() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    const PickleValue out = stack_.back();
    stack_.pop_back();
    return out;
  }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    return stack_.back();
  }
  void mark() {
    if (marks_.size() == kMaxStack) fail("too many marks");
    charge(sizeof(std::uint32_t) * 2);
    marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
  }
  // Drops the newest mark and tells how many values stand above it.
  std::size_t unmark() {
    if (marks_.empty()) fail("there is no mark");
    const std::size_t count = stack_.size() - marks_.back();
    marks_.pop_back();
    return count;
  }
  void remember(std::size_t number) {
    if (number >= kMaxMemo) fail("the memo is too large");
    if (number >= memo_.size()) {
      charge((number + 1 - memo_.size()) * sizeof(PickleValue));
      memo_.resize(number + 1);
      known_.resize(number + 1);
    }
    memo_[number] = top();
    known_[number] = true;
  }
  void recall(std::size_t number) {
    if (number >= memo_.size() || !known_[number]) fail(fmt::format("the memo has no number {}", number));
    push(memo_[number]);
  }
  void charge(std::uint64_t bytes) {
    used_ += bytes;
    if (used_ > kMaxTreeBytes) fail("its values would take more than 36 MiB");
  }

  // ---- containers ----

  PickleValue new_node(Kind kind) {
    charge(kNodeCost);
    tree_.nodes.emplace_back();
    return value_of(kind, tree_.nodes.size() - 1);
  }
  static bool has_node(const PickleValue& v) {
    return v.kind == Kind::kTuple || v.kind == Kind::kList || v.kind == Kind::kDict ||
           v.kind == Kind::kStorage || v.kind == Kind::kTensor;
  }
  void add(PickleNode& node, const PickleValue& item) {
    if (has_node(item)) {
      const int depth = tree_.nodes[item.bits].depth + 1;
      if (depth > kMaxPickleNesting) fail(fmt::format("values are nested deeper than {}", kMaxPickleNesting));
      node.depth = std::max(node.depth, static_cast<std::uint8_t>(depth));
    }
    charge(kItemCost);
    node.items.push_back(item);
  }
  // Moves the top `count` values into the node, the deepest first.
  void move_items(PickleNode& node, std::size_t count) {
    if (stack_.size() - floor() < count) fail("the stack is empty");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    for (auto it = first; it != stack_.end(); ++it) add(node, *it);
    drop(count);
  }
  void drop(std::size_t count) {
    if (stack_.size() - floor() < count) fail("the stack is empty");
    stack_.erase(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  }
  void make_tuple(std::size_t count) {
    const PickleValue tuple = new_node(Kind::kTuple);
    move_items(tree_.nodes[tuple.bits], count);
    push(tuple);
  }
  const PickleValue& below(std::size_t count) {
    if (stack_.size() - floor() < count + 1) fail("the stack is empty");
    return stack_[stack_.size() - count - 1];
  }
  void append(std::size_t count) {
    const PickleValue target = below(count);
    if (target.kind == Kind::kOpaque) return drop(count);
    if (target.kind != Kind::kList) fail("an item is appended to something that is no list");
    move_items(tree_.nodes[target.bits], count);
  }
  void set_items(std::size_t count) {
    if (count % 2 != 0) fail("a key without a value");
    const PickleValue target = below(count);
    if (target.kind == Kind::kOpaque) return drop(count);
    if (target.kind != Kind::kDict) fail("an item is set in something that is no dictionary");
    move_items(tree_.nodes[target.bits], count);
  }

  // ---- names and what is done with them ----

  std::string_view line() {
    const std::uint64_t begin = in_.offset() - base_;
    for (std::size_t n = 0; n <= kMaxNameLine; ++n) {
      if (byte("a name") == '\n') return {reinterpret_cast<const char*>(tree_.bytes.data()) + begin, n};
    }
    fail("a name is too long");
  }
  void global() {
    const std::string_view module = line();
    const std::string_view name = line();
    push(resolve_pickle_name(module, name));
  }
  void stack_global() {
    const PickleValue name = pop();
    const PickleValue module = pop();
    if (name.kind != Kind::kText || module.kind != Kind::kText) fail("a name that is no text");
    push(resolve_pickle_name(tree_.text(module), tree_.text(name)));
  }

  // ("storage", type, key, location, elements, [view]) in PyTorch; anything else is opaque.
  void persistent_id() {
    PickleValue id = pop();
    if (id.kind != Kind::kTuple) fail("a persistent id that is no tuple");
    const auto& items = tree_.items(id);
    const bool is_storage =
        items.size() >= 5 && items[0].kind == Kind::kText && tree_.text(items[0]) == "storage";
    if (!is_storage) return push(value_of(Kind::kOpaque));
    const bool right = items[1].kind == Kind::kName && items[2].kind == Kind::kText &&
                       items[4].kind == Kind::kInt && items.size() <= 6;
    if (!right) fail("a storage that is not described as PyTorch does");
    id.kind = Kind::kStorage;
    push(id);
  }

  void reduce() {
    const PickleValue arguments = pop();
    const PickleValue callee = pop();
    if (arguments.kind != Kind::kTuple) fail("the arguments of a call are no tuple");
    push(callee.kind == Kind::kName ? build_known(callee, arguments) : value_of(Kind::kOpaque));
  }

  PickleValue build_known(const PickleValue& callee, PickleValue arguments) {
    const auto& items = tree_.items(arguments);
    switch (callee.name) {
      case PickleName::kOrderedDict:
        return items.empty() ? new_node(Kind::kDict) : ordered_dict(items[0]);
      case PickleName::kSize:
        return items.size() == 1 && items[0].kind == Kind::kTuple ? items[0] : value_of(Kind::kOpaque);
      case PickleName::kRebuildParameter:
        return !items.empty() && items[0].kind == Kind::kTensor ? items[0] : value_of(Kind::kOpaque);
      case PickleName::kRebuildTensor:
      case PickleName::kRebuildTensorV2:
      case PickleName::kRebuildTensorV3:
        return tensor(callee.name, arguments);
      default:
        return value_of(Kind::kOpaque);
    }
  }

  // Python 2 wrote an ordered dictionary as a list of [key, value] pairs.
  PickleValue ordered_dict(const PickleValue& pairs) {
    if (pairs.kind != Kind::kList) return value_of(Kind::kOpaque);
    const PickleValue out = new_node(Kind::kDict);
    for (const PickleValue& pair : tree_.items(pairs)) {
      const bool is_pair =
          (pair.kind == Kind::kList || pair.kind == Kind::kTuple) && tree_.items(pair).size() == 2;
      if (!is_pair) fail("an ordered dictionary made of something other than pairs");
      add(tree_.nodes[out.bits], tree_.items(pair)[0]);
      add(tree_.nodes[out.bits], tree_.items(pair)[1]);
    }
    return out;
  }

  // Only the kinds are checked here; the numbers are when the tensor is placed in its storage.
  PickleValue tensor(PickleName how, PickleValue arguments) const {
    const auto& items = tree_.items(arguments);
    const std::size_t wanted = how == PickleName::kRebuildTensorV3 ? 7 : 4;
    const bool right = items.size() >= wanted && items[0].kind == Kind::kStorage &&
                       items[1].kind == Kind::kInt && items[2].kind == Kind::kTuple &&
                       items[3].kind == Kind::kTuple;
    if (!right) fail("a tensor that is not described as PyTorch does");
    if (wanted == 7 && items[6].kind != Kind::kName) fail("a tensor of an unknown element type");
    arguments.kind = Kind::kTensor;
    arguments.name = how;
    return arguments;
  }

  void new_object() {
    const PickleValue arguments = pop();
    const PickleValue type = pop();
    if (arguments.kind != Kind::kTuple) fail("the arguments of a new object are no tuple");
    const bool ordered = type.kind == Kind::kName && type.name == PickleName::kOrderedDict;
    push(ordered ? new_node(Kind::kDict) : value_of(Kind::kOpaque));
  }

  // Attributes (state_dict's _metadata, hooks of a tensor) are dropped.
  void build() {
    pop();
    const Kind kind = top().kind;
    if (kind != Kind::kDict && kind != Kind::kOpaque && kind != Kind::kTensor)
      fail("attributes of a plain value");
  }

  ByteReader in_;
  std::uint64_t base_;
  std::uint64_t at_ = 0;
  PickleTree tree_;
  std::deque<PickleValue> stack_, memo_;
  std::deque<bool> known_;
  std::vector<std::uint32_t> marks_;
  std::size_t stack_peak_ = 0;
  std::uint64_t used_ = 0;
};

}  // namespace

std::string_view PickleTree::text(const PickleValue& v) const {
  return {reinterpret_cast<const char*>(bytes.data()) + v.bits, v.length};
}

PickleTree parse_pickle(Bytes bytes, std::uint64_t base) {
  return Machine(bytes, base).run();
}

}  // namespace dq::files
