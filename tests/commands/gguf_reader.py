"""Reads the tensors of a GGUF file, for tests: pure Python, trusts the file. Format: github.com/ggml-org/ggml docs/gguf.md."""
import struct

BLOCKS = {"F32": (1, 4), "F16": (1, 2), "Q8_0": (32, 34), "Q4_K": (256, 144), "Q6_K": (256, 210), "BF16": (1, 2),
          "Q5_0": (32, 22), "Q5_K": (256, 176), "Q4_0": (32, 18), "Q5_1": (32, 24)}
TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 30: "BF16"}


class Reader:
    def __init__(self, path):
        self.data, self.at = path.read_bytes(), 24
        _, tensors, keys = struct.unpack_from("<IQQ", self.data, 4)
        self.keys = {}
        for _ in range(keys):
            name = self.text()
            self.keys[name] = self.value(self.number("<I"))
        self.key_bytes = self.data[24:self.at]
        table = [self.entry() for _ in range(tensors)]
        start = (self.at + 31) // 32 * 32
        self.tensors = {name: (kind, dims, self.data[start + offset:start + offset + self.bytes(kind, dims)])
                        for name, kind, dims, offset in table}

    @staticmethod
    def bytes(kind, dims):
        weights, size = BLOCKS[kind]
        total = size
        for extent in dims:
            total *= extent
        return total // weights

    def number(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        length = self.number("<Q")
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            element, count = self.number("<I"), self.number("<Q")
            return [self.value(element) for _ in range(count)]
        return self.number({0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
                            12: "<d"}[kind])

    def entry(self):
        name = self.text()
        dims = [self.number("<Q") for _ in range(self.number("<I"))]
        return name, TYPES[self.number("<I")], dims, self.number("<Q")
