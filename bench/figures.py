"""Medians, quartiles and the canary rule: everything about numbers that needs no engine."""

# Of the run's median: below, the machine was busy or slowed down. Not of its best: on a virtual machine a process may
# read half again as fast as the others for as long as it lives, by where its pages happen to lie.
CANARY_LEAST = 0.85
CANARY_KEYS = ("usual_read_gb_per_second", "usual_integer_gmac_per_second")
STEAL_MOST = 0.02    # Of the time, taken by other virtual machines.
OTHERS_MOST = 0.05  # Of the time of the measured CPUs, used by other processes than the engine.


def quantile(values, share):
    """Linear between the two values that are nearest."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def quartiles(values):
    return tuple(quantile(values, share) for share in (0.25, 0.5, 0.75))


def median_canary(visits):
    """The median of each rate over all canaries of a run."""
    return {key: quantile([canary[key] for visit in visits for canary in visit["canaries"]], 0.5) for key in CANARY_KEYS}


def fault(visit, usual):
    """Why a visit does not count, or nothing."""
    for key in CANARY_KEYS:
        least = min(canary[key] for canary in visit["canaries"])
        if least < CANARY_LEAST * usual[key]:
            return f"{key} {least:.1f}, under {CANARY_LEAST:.0%} of the usual {usual[key]:.1f}"
    if visit["steal"] > STEAL_MOST:
        return f"{visit['steal']:.1%} of the time went to other machines"
    for name, share in visit["others"].items():
        if share > OTHERS_MOST:
            return f"others used {share:.1%} of the CPUs' time beside {name}"
    return ""


def counted(visits):
    """Visits that count, per run: canaries are compared within one."""
    good = []
    for run in dict.fromkeys(visit["run"] for visit in visits):
        own = [visit for visit in visits if visit["run"] == run]
        usual = median_canary(own)
        good += [visit for visit in own if not fault(visit, usual)]
    return good


def ratios(visits, ours, theirs, metric):
    """Round by round; several names of `theirs`: the best of them in that round."""
    pairs = []
    for visit in visits:
        values = [visit["engines"][name][metric] for name in theirs if visit["engines"].get(name, {}).get(metric)]
        mine = visit["engines"].get(ours, {}).get(metric)
        if values and mine:
            pairs.append(mine / max(values))
    return pairs
