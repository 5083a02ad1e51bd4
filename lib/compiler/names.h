// Maps and sets of names. Names in a tree are interned, so their addresses are their identity.
#pragma once

#include <Python.h>

#include <vector>

#include "syntax/ast.h"

namespace ks::compiler {

using syntax::Identifier;

// Names in the order of their insertion, each with a value.
template <class V>
class NameMap {
 public:
  struct Entry {
    Identifier name;
    V value;
  };
  V* find(Identifier name) {
    if (slots_.empty()) {
      for (Entry& entry : entries_)
        if (entry.name == name) return &entry.value;
      return nullptr;
    }
    for (size_t at = home(name);; at = (at + 1) & (slots_.size() - 1)) {
      const int index = slots_[at];
      if (index < 0) return nullptr;
      if (entries_[static_cast<size_t>(index)].name == name) return &entries_[static_cast<size_t>(index)].value;
    }
  }
  const V* find(Identifier name) const { return const_cast<NameMap*>(this)->find(name); }
  bool contains(Identifier name) const { return find(name) != nullptr; }
  // The value of the name, which is added with `initial` when it is new.
  V& at(Identifier name, V initial = V{}) {
    if (V* value = find(name)) return *value;
    entries_.push_back({name, initial});
    if (entries_.size() > kLinear) index_last();
    return entries_.back().value;
  }
  size_t size() const { return entries_.size(); }
  typename std::vector<Entry>::iterator begin() { return entries_.begin(); }
  typename std::vector<Entry>::iterator end() { return entries_.end(); }
  typename std::vector<Entry>::const_iterator begin() const { return entries_.begin(); }
  typename std::vector<Entry>::const_iterator end() const { return entries_.end(); }
  void erase(Identifier name) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name != name) continue;
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
      rebuild(slots_.size());
      return;
    }
  }

 private:
  static constexpr size_t kLinear = 8;
  size_t home(Identifier name) const {
    return (reinterpret_cast<size_t>(name) >> 4) * 0x9E3779B97F4A7C15u >> 32 & (slots_.size() - 1);
  }
  void place(size_t index) {
    size_t at = home(entries_[index].name);
    while (slots_[at] >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = static_cast<int>(index);
  }
  void rebuild(size_t size) {
    if (size == 0) return;
    slots_.assign(size, -1);
    for (size_t i = 0; i < entries_.size(); ++i) place(i);
  }
  void index_last() {
    if (entries_.size() * 2 > slots_.size()) rebuild(slots_.empty() ? 32 : slots_.size() * 2);
    else place(entries_.size() - 1);
  }
  std::vector<Entry> entries_;
  std::vector<int> slots_;
};

// A set of names. Removing leaves the entry with the value false.
class NameSet {
 public:
  bool contains(Identifier name) const {
    const bool* value = map_.find(name);
    return value && *value;
  }
  void add(Identifier name) { map_.at(name) = true; }
  void remove(Identifier name) {
    if (bool* value = map_.find(name)) *value = false;
  }
  void add_all(const NameSet& other) {
    for (const auto& entry : other.map_)
      if (entry.value) add(entry.name);
  }
  template <class F>
  void for_each(F function) const {
    for (const auto& entry : map_)
      if (entry.value) function(entry.name);
  }

 private:
  NameMap<bool> map_;
};

}  // namespace ks::compiler
