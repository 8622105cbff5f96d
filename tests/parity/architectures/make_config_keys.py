#!/usr/bin/env python3
"""Writes config_keys.json: what the classes of the tiny models' configurations in transformers are made of, key by key with the
default. src/model/config_keys_test.cc holds our tables against it.

    python -m venv v && v/bin/pip install torch==2.9.1 transformers==5.23.0
    v/bin/python make_config_keys.py"""
import dataclasses
import json
import pathlib

import transformers

import models

HERE = pathlib.Path(__file__).resolve().parent


def keys_of(config_class):
    """Its fields with their defaults; "rope_theta" is what it takes without one."""
    keys = {}
    for field in dataclasses.fields(config_class):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        keys[field.name] = None if default is dataclasses.MISSING else default
    theta = config_class.default_theta
    if "rope_parameters" in keys:
        keys["rope_theta"] = theta["global"] if isinstance(theta, dict) else float(theta)
    return {key: value for key, value in sorted(keys.items()) if value is None or isinstance(value, (bool, int, float, str))
            or key == "architectures"}


classes = {}
for class_name, _ in models.CASES.values():
    config_class = getattr(transformers, class_name).config_class
    config_class = config_class.sub_configs.get("text_config", config_class)
    classes[class_name] = keys_of(config_class)
made_with = f"transformers {transformers.__version__}"
(HERE / "config_keys.json").write_text(json.dumps({"made_with": made_with, "classes": classes}, indent=1) + "\n")
print({name: len(keys) for name, keys in classes.items()})
