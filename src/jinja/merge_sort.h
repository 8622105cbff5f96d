#pragma once
// A stable sort that stays in bounds whatever `less` answers: values of a template need not have an
// order (NaN), and comparing them can fail half-way. (std::sort demands an order; std::stable_sort
// warns with clang on libstdc++ 12.)

#include <algorithm>
#include <vector>

namespace ingle::jinja {

template <class T, class Less>
void MergeSort(std::vector<T>& items, Less less) {
  std::vector<T> other(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t start = 0; start < items.size(); start += 2 * width) {
      size_t middle = std::min(start + width, items.size()),
             end = std::min(start + 2 * width, items.size());
      size_t left = start, right = middle;
      for (size_t at = start; at < end; at++) {
        bool take_right = left == middle || (right < end && less(items[right], items[left]));
        other[at] = std::move(items[take_right ? right++ : left++]);
      }
    }
    items.swap(other);
  }
}

}  // namespace ingle::jinja
