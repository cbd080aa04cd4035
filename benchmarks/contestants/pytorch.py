"""PyTorch on the CPU, eager, float32: the same step, and the peak of its allocator."""

import argparse
import json
import math
import resource
import struct
import time

STARTED = time.perf_counter()

import torch
import torch.nn.functional as F

LEARNING_RATE, BETAS, EPS, WEIGHT_DECAY = 1e-3, (0.9, 0.999), 1e-8, 0.01
NORM_EPS = 1e-5
WARM_UP = 2
DTYPES = {"F32": torch.float32, "I32": torch.int32}


def read_problem(path):
    """Tensors of a safetensors file by name, in PyTorch's own memory, and the size."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    size = json.loads(header.pop("__metadata__")["size"])
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(data[start:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).clone()
    return size, tensors


class Step:
    """The model's parameters, and one update of them."""

    def __init__(self, size, tensors):
        self.size = size
        self.tokens = tensors["tokens"].long()
        self.targets = tensors["targets"].long().reshape(-1)
        self.parameters = {
            name: tensor.requires_grad_()
            for name, tensor in tensors.items()
            if name not in ("tokens", "targets")
        }
        context = size["context"]
        self.hidden = torch.ones(context, context, dtype=torch.bool).triu(1)
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=LEARNING_RATE, betas=BETAS, eps=EPS, weight_decay=WEIGHT_DECAY
        )

    def linear(self, name, x):
        return F.linear(x, self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"])

    def norm(self, name, x):
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        return F.layer_norm(x, (self.size["width"],), weight, bias, NORM_EPS)

    def attention(self, name, x):
        batch, context, width = x.shape
        heads = self.size["heads"]
        parts = self.linear(f"{name}.queryKeyValue", x).split(width, dim=2)
        query, key, value = (
            part.view(batch, context, heads, width // heads).transpose(1, 2) for part in parts
        )
        if hasattr(F, "scaled_dot_product_attention"):
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = query @ key.transpose(2, 3) * (1 / math.sqrt(width // heads))
            mixed = F.softmax(scores.masked_fill(self.hidden, float("-inf")), dim=-1) @ value
        return self.linear(f"{name}.output", mixed.transpose(1, 2).reshape(batch, context, width))

    def loss(self):
        hidden = F.embedding(self.tokens, self.parameters["embeddings.0.weight"])
        hidden = hidden + self.parameters["positions.weight"]
        for layer in range(self.size["layers"]):
            block = f"blocks.{layer}"
            hidden = hidden + self.attention(f"{block}.attention", self.norm(f"{block}.attentionNorm", hidden))
            raised = self.linear(f"{block}.mlp.up", self.norm(f"{block}.mlpNorm", hidden))
            hidden = hidden + self.linear(f"{block}.mlp.down", F.gelu(raised, approximate="tanh"))
        logits = F.linear(self.norm("finalNorm", hidden), self.parameters["output.weight"])
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), self.targets)

    def __call__(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes(problem):
    """
    The most bytes that PyTorch's allocator held at once for parameters, gradients, moments, activations and
    temporaries, over three steps: the profiler's record of every allocation (positive) and release (negative), in
    order of time, summed up. Profiling begins before the first parameter is made, so that nothing is left out.
    """
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        step = Step(*read_problem(problem))
        for _ in range(3):
            step()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns() if hasattr(event, "start_ns") else event.start_us())
    live = peak = 0
    for event in events:
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", required=True)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size, tensors = read_problem(options.problem)
    step = Step(size, tensors)
    setup_ms = 1000 * (time.perf_counter() - STARTED)
    losses, step_ms = [], []
    timed_from = cpu_from = None
    while len(losses) <= options.updates or time.perf_counter() - timed_from < options.seconds:
        if len(losses) == WARM_UP:
            timed_from, cpu_from = time.perf_counter(), cpu_seconds()
        from_ = time.perf_counter()
        losses.append(step())
        step_ms.append(1000 * (time.perf_counter() - from_))
    line = {
        "name": "PyTorch",
        "version": torch.__version__,
        "backend": f"CPU, {options.threads} thread{'s' if options.threads > 1 else ''}",
        "size": size,
        "losses": losses[: options.updates + 1],
        "setupMs": setup_ms,
        "firstStepMs": step_ms[0],
        "stepMs": step_ms[WARM_UP:],
        "cpuSecondsPerStep": (cpu_seconds() - cpu_from) / (len(step_ms) - WARM_UP),
    }
    if options.memory:
        del step
        line["peakBytes"] = peak_bytes(options.problem)
    print(json.dumps(line))


main()
