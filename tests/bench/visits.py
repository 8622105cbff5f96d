"""Visits as bench/peers.py logs them."""


def canary(read=50.0, products=400.0):
    return {"tier": "avx2", "threads": 2, "usual_read_gb_per_second": read, "usual_integer_gmac_per_second": products,
            "usual_float_gmac_per_second": products / 4}


def visit(number=0, cell="m-q8_0 single", what="single", tier="", run="one", read=50.0, steal=0.0, others=0.0, **engines):
    engines = engines or {"ingle": {"prefill": 300.0 + number, "decode": 40.0}, "llama.cpp": {"prefill": 100.0, "decode": 20.0}}
    return {"kind": "visit", "run": run, "time": 1.0, "cell": cell, "model": "m-q8_0", "what": what, "type": "q8_0", "tier": tier,
            "threads": 2, "round": number, "order": list(engines), "canaries": [canary(read), canary(read)], "steal": steal,
            "others": {name: others for name in engines},
            "engines": engines}
