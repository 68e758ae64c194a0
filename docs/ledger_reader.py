"""Read an exported ledger and recompute what was lost, with Python's standard library and none of Tacit's code.

    python ledger_reader.py ledger.jsonl

Checks the hash chain, derives the price of every charge from its mechanisms (docs/privacy.md), compares it with the
price on record, adds up every account, and says whether each promise was kept; exit status 1 if anything is odd.
Amounts: epsilon and Renyi losses in 1e-12 nat, delta in 1e-18.
"""

import hashlib
import json
import sys
from decimal import ROUND_CEILING, Context, Decimal, setcontext
from fractions import Fraction

ORDERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 32, 64)
CAP = 4 * 10**18  # a loss from here on is unbounded
MARGIN = Decimal("1e-26")  # covers the rounding of 50 digits
FLOATS = ("epsilon", "delta", "rho", "q", "sigma")


def ceil(value, scale):
    """An exact number in units of 1/scale, rounded up."""
    return min(CAP, int(-(-Fraction(value) * scale // 1)))


def up(nats):
    """A computed loss in units, rounded up."""
    return min(CAP, int(((nats + MARGIN) * 10**12).to_integral_value(ROUND_CEILING)))


def pure(units, a):
    """The worst eps-private mechanism: ln(p^a q^(1-a) + q^a p^(1-a)) / (a-1) for p = e^eps/(1+e^eps), q = 1-p."""
    if units in (0, CAP):
        return units
    eps = Decimal(units) / 10**12
    return min(units, up(eps - ((1 + (-eps).exp()) / (1 + ((1 - 2 * a) * eps).exp())).ln() / (a - 1)))


def subsampled(q, sigma, steps, a):
    """DP-SGD: steps * ln(sum_k C(a,k) (1-q)^(a-k) q^k exp((k^2-k)/(2 sigma^2))) / (a-1)."""
    spread, total, choose = 1 / (2 * sigma * sigma), Decimal(0), 1
    for k in range(a + 1):
        left, taken = ((1 - q) ** (a - k) if k < a else 1), (q**k if k else 1)
        total += choose * left * taken * (spread * (k * k - k)).exp()
        choose = choose * (a - k) // (k + 1)
    return up(total.ln() / (a - 1) * steps)


def price(event):
    """(epsilon, delta, delta of thresholds, Renyi curve at ORDERS and infinity) of one mechanism."""
    x = {name: float.fromhex(event[name]) for name in FLOATS if name in event}
    epsilon, delta = ceil(x["epsilon"], 10**12), ceil(x.get("delta", 0.0), 10**18)
    if event["kind"] in ("laplace", "laplace_threshold", "noisy_max"):
        return epsilon, delta, delta, [*(pure(epsilon, a) for a in ORDERS), epsilon]
    if event["kind"] == "gaussian":
        return epsilon, delta, 0, [*(ceil(a * Fraction(x["rho"]), 10**12) for a in ORDERS), CAP]
    if event["kind"] != "dp_sgd":
        raise ValueError(f"unknown mechanism {event['kind']}")
    if not x["q"] or not event["steps"]:
        return epsilon, delta, 0, [0] * 16
    q, sigma = Decimal(x["q"]), Decimal(x["sigma"])
    return epsilon, delta, 0, [*(subsampled(q, sigma, event["steps"], a) for a in ORDERS), CAP]


def add(prices):
    """Their sum, as one price."""
    columns = list(zip((0, 0, 0, *[0] * 16), *((e, d, t, *curve) for e, d, t, curve in prices), strict=True))
    sums = [min(CAP, sum(column)) for column in columns]
    return *sums[:3], sums[3:]


def read(path, odd):
    """The accounts' limits, and the charges that stand: {id: (what, price)}."""
    previous, number, accounts, charges = "0" * 64, 0, {}, {}
    with open(path, encoding="ascii") as file:
        header = json.loads(next(file))
        for number, row in enumerate(map(json.loads, file), 1):
            digest = hashlib.sha256(f"{previous}\n{row['body']}".encode()).hexdigest()
            if (row["previous"], row["hash"]) != (previous, digest):
                odd.append(f"entry {number} breaks the chain")
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
    return accounts, charges


def main(path):
    """Print what every account has lost, and everything odd."""
    setcontext(Context(prec=50, Emax=10**17, Emin=-(10**17)))
    odd = []
    accounts, charges = read(path, odd)
    for (dataset, analyst), limit in accounts.items():
        here = [(data, cost) for data, cost in charges.values() if data["dataset"] == dataset]
        mine = [c for data, c in here if (data["analyst"] == analyst if analyst else not data["free_for_dataset"])]
        epsilon, delta, threshold, curve = add(mine)
        renyi = curve[ORDERS.index(limit["r_order"])]
        kept = (epsilon <= limit["epsilon_max"] and delta <= limit["p_delta_max"]) or (
            renyi <= limit["r_rdp_max"] and threshold <= limit["r_delta_max"]
        )
        print(f"{dataset} / {analyst or 'the dataset'}: {len(mine)} charges, promise {'kept' if kept else 'BROKEN'}")
        print(f"    basic: epsilon {epsilon / 1e12:.6g} of {limit['epsilon_max'] / 1e12:.6g}, delta {delta / 1e18:.3g}")
        print(f"    Renyi, order {limit['r_order']}: {renyi / 1e12:.6g} of {limit['r_rdp_max'] / 1e12:.6g}")
        odd += [] if kept else [f"{dataset} / {analyst} lost more than its limits"]
    print(*odd, sep="\n", end="\n" if odd else "")
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
