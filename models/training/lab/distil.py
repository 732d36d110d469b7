"""Train a recogniser under a larger one of ours: (1 - alpha) CTC + alpha T^2 KL(teacher || student) on softened logits.

Both see the same lines step for step (same width stride), so the logits align without any warping.
"""
import torch
import torch.nn.functional as F

from .config import arguments
from .export import load
from .nets import build, parameters
from .train import Pool, Run, ctc, schedule_arguments, widest_at


def softened(student, teacher, temperature):
    p = (teacher / temperature).softmax(-1)
    q = (student / temperature).log_softmax(-1)
    return F.kl_div(q.flatten(0, 1), p.flatten(0, 1), reduction="batchmean") * temperature ** 2


def main():
    parser = arguments(__doc__)
    parser.add_argument("--tier", default="fast")
    parser.add_argument("--teacher", required=True, help="a finished run")
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--init", help="start from this run's weights (same tier)")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    teacher, alphabet, _ = load(args.teacher)
    teacher = teacher.to(memory_format=torch.channels_last)
    net = (load(args.init)[0].train() if args.init else build(args.tier, alphabet.classes)).to(memory_format=torch.channels_last)
    run = Run(args.run, net, args.rate, dict(tier=args.tier, alphabet=alphabet.name, teacher=args.teacher))
    run.log(event="start", parameters=parameters(net), args=vars(args))
    pool = Pool(alphabet)
    while (progress := run.progress(args)) < 1:
        x, wanted = pool.batch(run.step, widest_at(progress, args.init))
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            soft = teacher(x)
        logits = net(x)
        loss = (1 - args.alpha) * ctc(logits, wanted) + args.alpha * softened(logits, soft, args.temperature)
        run.learn(loss, progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
