"""Train the recogniser. One thread, no loader processes: the lines of the next shard are drawn between the steps (`pool.py`).

Which lines a step sees follows from its number alone, so a run killed at any moment resumes from its last checkpoint as if nothing had
happened (`runs.py`). The learning rate follows the clock when a deadline is given (cosine to zero at the deadline), else the number of steps.
"""
import torch

from .config import Alphabet, arguments
from .losses import ctc
from .nets import build, parameters
from .pool import Pool
from .runs import Run, load, schedule_arguments


def widest_at(progress: float, init) -> int:
    """Short lines teach a fresh net faster at first."""
    return 9999 if init or progress > 0.2 else 224 if progress < 0.06 else 416


def main():
    parser = arguments(__doc__)
    parser.add_argument("--tier", default="fast")
    parser.add_argument("--init", help="start from this run's weights and shape (a pruned one, say); zeros of a magnitude-pruned run stay zero")
    parser.add_argument("--first-shard", type=int, default=0, help="to go on with lines that an earlier run has not seen")
    parser.add_argument("--bfloat16", action="store_true", help="multiply in bfloat16, sums, weights and loss in f32: twice the steps where the processor has AMX")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    meta = dict(tier=args.tier, alphabet=alphabet.name)
    if args.init:
        net, alphabet, state = load(args.init)
        meta = state["meta"]
    else:
        net = build(args.tier, alphabet.classes)
    net = net.train().to(memory_format=torch.channels_last)
    zeros = {p: p == 0 for p in net.parameters() if p.dim() == 4} if meta.get("pruned") == "magnitude" else {}
    run = Run(args.run, net, args.rate, meta)
    run.log(event="start", parameters=parameters(net), args=vars(args))
    pool = Pool(alphabet, args.first_shard)
    while (progress := run.progress(args)) < 1:
        x, targets = pool.batch(run.step, widest_at(progress, args.init))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bfloat16):
            logits = net(x.contiguous(memory_format=torch.channels_last))
        run.learn(ctc(logits.float(), targets), progress)
        with torch.no_grad():
            for p, zero in zeros.items():
                p[zero] = 0
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
