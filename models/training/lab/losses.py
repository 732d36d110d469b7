"""What a recogniser is trained to make small."""
import torch
import torch.nn.functional as F


def ctc(logits, targets):
    lengths = torch.tensor([len(t) for t in targets])
    steps = torch.full((len(targets),), logits.shape[1])
    loss = F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), torch.cat(targets), steps, lengths, reduction="sum", zero_infinity=True)
    return loss / lengths.sum()


def softened(student, teacher, temperature):
    p = (teacher / temperature).softmax(-1)
    q = (student / temperature).log_softmax(-1)
    return F.kl_div(q.flatten(0, 1), p.flatten(0, 1), reduction="batchmean") * temperature ** 2
