"""Read an exported ledger and recompute what was lost, with Python's standard library and none of Tacit's code.

    python ledger_reader.py ledger.jsonl

Checks the hash chain, derives the price of every charge from its mechanisms (docs/privacy.md), compares it with the
price on record, adds up every account, and says whether each promise was kept; exit status 1 if anything is odd.
Amounts: epsilon and Renyi losses in 1e-12 nat, delta in 1e-18.
"""

import hashlib
import json
import sys
from decimal import Context, Decimal, setcontext
from fractions import Fraction

ORDERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 32, 64)
CAP = 4 * 10**18  # a loss from here on is unbounded
MARGIN = Decimal("1e-26")  # covers the rounding of 50 digits
FLOATS = ("epsilon", "delta", "threshold_delta", "rho", "q", "sigma")


def ceil(value, scale=10**12):
    """An exact number in units of 1/scale, rounded up."""
    return min(CAP, int(-(-Fraction(value) * scale // 1)))


def pure(units, a):
    """The worst eps-private mechanism: ln(p^a q^(1-a) + q^a p^(1-a)) / (a-1) for p = e^eps/(1+e^eps), q = 1-p."""
    eps = Decimal(units) / 10**12
    loss = eps - ((1 + (-eps).exp()) / (1 + ((1 - 2 * a) * eps).exp())).ln() / (a - 1)
    return units if units in (0, CAP) else min(units, ceil(loss + MARGIN))


def subsampled(q, sigma, steps, a):
    """DP-SGD: steps * ln(sum_k C(a,k) (1-q)^(a-k) q^k exp((k^2-k)/(2 sigma^2))) / (a-1)."""
    total, choose = Decimal(0), 1
    for k in range(a + 1):
        left, taken = ((1 - q) ** (a - k) if k < a else 1), (q**k if k else 1)
        total += choose * left * taken * ((k * k - k) / (2 * sigma * sigma)).exp()
        choose = choose * (a - k) // (k + 1)
    return ceil(total.ln() / (a - 1) * steps + MARGIN)


def price(event):
    """(epsilon, delta, delta of thresholds, Renyi curve at ORDERS and infinity) of one mechanism."""
    x = {name: float.fromhex(event[name]) for name in FLOATS if name in event}
    epsilon, delta = ceil(x["epsilon"]), ceil(x.get("delta", 0.0), 10**18)
    if event["kind"] in ("laplace", "laplace_threshold", "noisy_max", "noisy_choices"):
        return epsilon, delta, delta, [*(pure(epsilon, a) for a in ORDERS), epsilon]
    if event["kind"] in ("gaussian", "gaussian_threshold"):
        left = ceil(x.get("threshold_delta", 0.0), 10**18)
        return epsilon, delta + left, left, [*(ceil(a * Fraction(x["rho"])) for a in ORDERS), CAP]
    if event["kind"] != "dp_sgd":
        raise ValueError(f"unknown mechanism {event['kind']}")
    q, sigma, steps = Decimal(x["q"]), Decimal(x["sigma"]), event["steps"]
    return epsilon, delta, 0, [*(subsampled(q, sigma, steps, a) for a in ORDERS), CAP] if q * steps else [0] * 16


def add(prices):
    """Their sum, as one price."""
    columns = zip((0, 0, 0, *[0] * 16), *((e, d, t, *curve) for e, d, t, curve in prices), strict=True)
    epsilon, delta, threshold, *curve = (min(CAP, sum(column)) for column in columns)
    return epsilon, delta, threshold, curve


def payers(data):
    """The accounts charged: the analyst's, their group's, and the dataset's unless a stored release was handed on."""
    return {data["analyst"], data.get("group"), None if data["free_for_dataset"] else ""}


def main(path):
    """Print what every account has lost, and everything odd."""
    previous, number, accounts, charges, odd = "0" * 64, 0, {}, {}, []
    with open(path, encoding="ascii") as file:
        header = json.loads(next(file))
        for number, row in enumerate(map(json.loads, file), 1):
            digest = hashlib.sha256(f"{previous}\n{row['body']}".encode()).hexdigest()
            odd += [f"entry {number} breaks the chain"] * ((row["previous"], row["hash"]) != (previous, digest))
            previous, body = row["hash"], json.loads(row["body"])
            kind, data = body["kind"], body["data"]
            if kind == "account":
                accounts[data["dataset"], data["analyst"]] = data["limits"]
            if kind in ("charge", "settle"):
                cost, said = add(map(price, data["events"])), data["price"]
                if cost != (said["epsilon"], said["delta"], said["threshold_delta"], said["rdp"]):
                    odd.append(f"entry {number} is priced at other than its mechanisms cost")
                charges[data["charge_id"]] = (data if kind == "charge" else charges[data["charge_id"]][0], cost)
            if kind == "release" and data["charge_id"] not in charges:
                odd.append(f"entry {number} released what was not charged")
            if kind == "void":
                del charges[data["charge_id"]]
    if (number, previous) != (header["entries"], header["hash"]):
        odd.append("the file ends elsewhere than its header says")
    print(f"{number} entries, head {previous}")
    for (dataset, name), limit in accounts.items():
        mine = [cost for data, cost in charges.values() if data["dataset"] == dataset and name in payers(data)]
        epsilon, delta, threshold, curve = add(mine)
        renyi, most = curve[ORDERS.index(limit["r_order"])], limit["r_rdp_max"]
        simple = epsilon <= limit["epsilon_max"] and delta <= limit["p_delta_max"]
        kept = simple or (renyi <= most and threshold <= limit["r_delta_max"])
        print(f"{dataset} / {name or 'the dataset'}: {len(mine)} charges, promise {'kept' if kept else 'BROKEN'}")
        print(f"    basic: epsilon {epsilon / 1e12:.6g} of {limit['epsilon_max'] / 1e12:.6g}, delta {delta / 1e18:.3g}")
        print(f"    Renyi, order {limit['r_order']}: {renyi / 1e12:.6g} of {most / 1e12:.6g}")
        odd += [] if kept else [f"{dataset} / {name} lost more than its limits"]
    print(*odd, sep="\n", end="\n" if odd else "")
    return 1 if odd else 0


if __name__ == "__main__":
    setcontext(Context(prec=50, Emax=10**17, Emin=-(10**17)))
    sys.exit(main(sys.argv[1]))
