# SPDX-License-Identifier: Apache-2.0
"""Break the maps in turn, in a copy of the repository, and show that the page notices (`make mutants`, PAGES="06_truth" for some).

A mutant is (what is wrong, the code as it is, the broken code). First each page runs as it is; then every line of the table has to say `noticed`."""
import json
import os
import sys
import tempfile
from pathlib import Path

from notebooks import ROOT, code_cells, read, source

import test as checks

MEAN = 'return (G.mean((2,3), keepdim=True)*A).sum(1)'
MUTANTS = {'05_gradcam': [
    ('Grad-CAM without the mean', MEAN, 'return (G*A).sum(1)'),
    ('Grad-CAM with the sum for the mean', MEAN, 'return (G.sum((2,3), keepdim=True)*A).sum(1)'),
    ('mean over one axis only', MEAN, 'return (G.mean(2, keepdim=True)*A).sum(1)'),
    ('mean over the batch', MEAN, 'return (G.mean((0,2,3), keepdim=True)*A).sum(1)'),
    ('no ReLU', 'lambda A,G: rectified(formula(A, G))', 'formula'),
    ('sign turned over', 'lambda A,G: rectified(formula(A, G))', 'lambda A,G: rectified(-formula(A, G))'),
    ('signed ignored', 'formula if signed else', 'formula if not signed else'),
    ('rounding counts as evidence', 'maps>1e-6*maps.abs().amax((-2,-1), keepdim=True)', 'maps>0'),
    ('small evidence counts as none', 'maps>1e-6*maps.abs()', 'maps>1e-2*maps.abs()'),
    ('the least likely class', 't = logits.argmax(1) if target is None', 't = logits.argmin(1) if target is None'),
    ('the next class', 'logits.gather(1, t.reshape(len(logits),-1))', 'logits.roll(1, 1).gather(1, t.reshape(len(logits),-1))'),
    ('any class goes', 'if ((t<0)|(t>=k)).any()', 'if (t>k+99).any()'),
    ('targets of the first portion for all', 'return t[at]', 'return t[:len(t[at])] if isinstance(at, slice) else t[at]'),
    ('too few targets pass', 'len(t)!=n: raise', 'len(t)>n: raise'),
    ('layers in reverse', 'for l in layers]\n            logits', 'for l in layers[::-1]]\n            logits'),
    ('one gradient for all targets', 'torch.autograd.grad(col.sum()', 'torch.autograd.grad(cols[0].sum()'),
    ('an unused layer passes', 'if any(G is None for G in Gs): raise', 'if False: raise'),
    ('the hook stays', 'self._handle.remove()', 'pass'),
    ('gradients stay on', 'torch.set_grad_enabled(self._grad)', 'pass'),
    ('in-place layers spoil the maps', 'return self.outs[-1].clone()', 'return self.outs[-1]'),
    ('the tap keeps what others change', 'else out.detach().clone().requires_grad_()', 'else out.detach().requires_grad_()'),
    ('the network may change the pictures', 'y = model(x.clone())', 'y = model(x)'),
    ('too few rows of logits pass', 'if len(y)!=(len(x) if n is None else n): raise', 'if False: raise'),
    ('a network may draw', 'own = torch.random.fork_rng([device] if device.type==\'cuda\' else [])', 'own = nullcontext()'),
    ('a layer may run twice', 'if len(self.outs)!=1: raise', 'if not self.outs: raise'),
    ('gradients all the way back', 'torch.set_grad_enabled(False)', 'torch.set_grad_enabled(True)'),
    ('training mode', 'torch.no_grad(), eval_mode(model), eager(model)', 'torch.no_grad(), eager(model)'),
    ('inference mode', 'with own, torch.inference_mode(False), torch.no_grad()', 'with own, torch.no_grad()'),
    ('graphs that nobody needs', 'torch.inference_mode(False), torch.no_grad()', 'torch.inference_mode(False), torch.enable_grad()'),
    ('compiled modules pass over hooks', "torch.compiler.set_stance('force_eager') if compiled else nullcontext()", 'nullcontext()'),
    ('values that are no numbers pass', 'if not all(t.isfinite().all() for t in (*maps, logits)): raise', 'if False: raise'),
    ('the margin turned over', 'return a-b if', 'return b-a if'),
    ('the margin over several classes mixed up', 'return a-b if a.ndim==b.ndim else a.view(len(a), -1)-b.view(len(b), -1)', 'return a-b'),
    ('a full map is called empty', 'return (self.maps<=0).flatten(-2).all(-1)', 'return (self.maps<=0).flatten(-2).any(-1)'),
    ('scaled by the sum', 'self.maps/self.maps.abs().amax((-2,-1), keepdim=True)', 'self.maps/self.maps.abs().sum((-2,-1), keepdim=True)'),
    ('enlarged by the corners', 'align_corners=False', 'align_corners=True'),
    ('noise stretched in a picture', '(m/top if top>0 else m)', '(m/m.abs().max().clamp_min(1e-12))'),
    ('evidence against drawn as evidence for', 'm = m if signed else m.clamp(min=0)', 'm = m if signed else m.abs()'),
    ('maps of the pair exchanged', 'torch.stack([preds.pred[places],preds.label[places]], 1)', 'torch.stack([preds.label[places],preds.pred[places]], 1)'),
], '05_methods': [
    ('HiResCAM with a mean', 'return (G*A).sum(1)', MEAN),
    ('LayerCAM without ReLU', '(G.relu()*A).sum(1)', '(G*A).sum(1)'),
    ('XGrad-CAM unweighted', '(G*A/(A.sum((2,3), keepdim=True)+1e-7))', '(G*A)'),
    ('Grad-CAM++ with a wrong factor', 'alpha = G**2/(2*G**2', 'alpha = G**2/(G**2'),
    ('Grad-CAM++ without ReLU', '((G.relu()*alpha)', '((G*alpha)'),
    ('Grad-CAM++ with the square for the cube', 'keepdim=True)*G**3', 'keepdim=True)*G**2'),
    ('components not centred', 'm = m-m.mean(1, keepdim=True)', 'm = m'),
    ('the weakest component', 'vectors[...,-1]*values[...,-1:]', 'vectors[...,0]*values[...,:1]'),
    ('the sign of a component by chance', 'torch.where(p.amax(1, keepdim=True)>=-p.amin(1, keepdim=True), p, -p)', 'p'),
    ('Eigen-CAM of the gradients', 'return first_component(A)', 'return first_component(G)'),
    ('Ablation-CAM divided by the score', 'return ask(x)-torch.cat([copies(k) for k in keep.split(chunk)])', 
    'return (ask(x)-torch.cat([copies(k) for k in keep.split(chunk)]))/ask(x)'),
    ('Ablation-CAM turned over', 'return ask(x)-torch.cat([copies(k) for k in keep.split(chunk)])', 'return torch.cat([copies(k) for k in keep.split(chunk)])-ask(x)'),
    ('another channel zeroed', 'dtype=A.dtype, device=A.device)\n    return ask(x)-', 'dtype=A.dtype, device=A.device).roll(1, 0)\n    return ask(x)-'),
    ('networks that count their pictures', 'except Exception: alone = False', 'except RuntimeError: alone = False'),
    ('functions may answer for too few', 'asked(one, y, slice(None), len(y))[0]', 'one(y)'),
    ('the effect of a ReLU in place is lost', "return x.copy_(y) if any(inplace) or f.__name__.endswith('relu_') else y", 'return y'),
    ('the changed output stays', 'finally: handle.remove()', 'finally: pass'),
    ('feature maps changed behind the back', 'out.clone() if torch.is_tensor(out) else out) #', 'out) #'),
    ('Score-CAM without softmax', '.split(chunk)]).softmax(0)', '.split(chunk)])'),
    ('Score-CAM masks not stretched', '((mask-lo)/(hi-lo+1e-8)).to(x.dtype)', 'mask.to(x.dtype)'),
    ('CAM with the sum for the mean', '/A[0,0].numel()\n        off', '\n        off'),
    ('CAM of any head', 'if not off<=max(1e-4,', 'if not off<=max(1e30,'),
    ('FullGrad with pieces upside down', 'placed.detach(),', 'placed.flip(-1).detach(),'),
    ('FullGrad without the input', 'placed = (G.float()*x).sum(1)+', 'placed = (G.float()*x).sum(1)*0+'),
    ('FullGrad without the running mean', 'F.batch_norm(m.running_mean.new_zeros(1, m.num_features), m.running_mean,', 
    'F.batch_norm(m.running_mean.new_zeros(1, m.num_features), m.running_mean*0,'),
    ('FullGrad of any network', 'if not off<=max(1e-3, 4', 'if not off<=max(1e30, 4'),
    ('pieces enlarged without their sum', 'return torch.autograd.grad(small, big, maps[:,None])[0][:,0]', 'return upsample(maps, size)'),
    ('guided backpropagation that is not guided', 'g.clamp(min=0)*ctx', 'g*ctx'),
    ('guided backpropagation through dead units', '*ctx.saved_tensors[0]', ''),
    ('guided backpropagation without a ReLU', 'if not relus.n: raise', 'if False: raise'),
    ('Finer-CAM with the farthest classes',
     "float('inf')).topk(min(self.others, y.shape[1]-1), largest=False)", "-float('inf')).topk(min(self.others, y.shape[1]-1), largest=True)"),
    ('Finer-CAM without alpha', 's[:,None]-self.alpha*y', 's[:,None]-y'),
    ('Finer-CAM unweighted', '(p*(s[:,None]', '((p*0+1)*(s[:,None]'),
    ('smoothing that does not turn back', 'target, **kw).maps.flip(-1) for f', 'target, **kw).maps for f'),
    ('smoothing with a class for each variant', 'if target is None: target = first.target', 'pass'),
    ('FullGrad shown with what speaks against', 'maps=rectified(c.maps)', 'maps=c.maps'),
    ('Finer-CAM shown as Grad-CAM', 'layer, finer(target))', 'layer, target)'),
    ('fine maps compared by their maxima', 'F.adaptive_avg_pool2d(m, size)', 'F.adaptive_max_pool2d(m, size)'),
    ('ranks without ties', 'r = (low+high-1).double()/2', 'r = low.double()'),
], '06_truth': [
    ('the lowest position for the highest', 'top = m==m.amax(1', 'top = m==m.amin(1'),
    ('of several highest positions any counts', '(top&inside).sum(1)/top.sum(1)', '(top&inside).any(1)'),
    ('what speaks against counts as energy', 'maps.double().clamp(min=0), mask', 'maps.double(), mask'),
    ('energy outside', '(m*inside).sum(1)/m.sum(1)', '(m*~inside).sum(1)/m.sum(1)'),
    ('IoU without the union', 'iou = hits/(above+hits[:,-1:]-hits)', 'iou = hits/above'),
    ('IoU that parts equals', 'torch.where(last&(m>0), iou, 0)', 'torch.where(m>0, iou, 0)'),
    ('IoU of places without evidence', 'torch.where(last&(m>0), iou, 0)', 'torch.where(last, iou, 0)'),
    ('maps without evidence are scored', 'torch.where(maps.flatten(1).amax(1)>0, score.double(), torch.nan)', 'score.double()'),
    ('maps that failed count as 0', 'torch.full((len(xb),), torch.nan, dtype=torch.double)', 'torch.zeros(len(xb), dtype=torch.double)'),
    ('the lowest position first', 'descending=True, stable=True', 'descending=False, stable=True'),
    ('equals in the order of their places', 'lots = torch.rand(m.shape, generator=torch.Generator().manual_seed(seed)).argsort(1)',
     'lots = torch.arange(m.shape[1]).expand(m.shape)'),
    ('deletion and insertion exchanged', 'torch.cat([r<shares, r>=h*w-shares], 1)', 'torch.cat([r>=h*w-shares, r<shares], 1)'),
    ('shares at the ends of the steps', '(torch.arange(steps)+0.5)', '(torch.arange(steps)+1.)'),
    ('the class of another picture', 'repeat_interleave(2*steps)', 'repeat(2*steps)'),
    ('logits for probabilities', 'logits_of(y.float().softmax(1), t[at].repeat_interleave', 'logits_of(y.float(), t[at].repeat_interleave'),
    ('neighbours beyond the edge', 'near = near/near.sum(0)', 'near = near'),
    ('diagonal neighbours as near as the others', '[[[[1.,2,1],[2,0,2],[1,2,1]]]]', '[[[[1.5,1.5,1.5],[1.5,0,1.5],[1.5,1.5,1.5]]]]'),
    ('lost neighbours left out', 'torch.eye(i.shape[2], device=x.device)-own', 'torch.eye(i.shape[2], device=x.device)-own*0'),
    ('a drop that is no share', '(was-now).clamp(min=0)/was', '(was-now).clamp(min=0)'),
    ('a map that is not scaled', '(m/m.amax((1,2), keepdim=True))', 'm'),
    ('an interval for one picture', '1.96*s.std().item()/max(1, len(s))**0.5', '1.96*s.std().item()'),
    ('scores of another network', 'load_tensors(file, **about, method=key[0], layer=key[1])', 'load_tensors(file)'),
    ('objects that touch', '&~(wide[a]&pics.mask[b]).any((1,2))', ''),
    ('marks in one corner', 'integers(2, size=(2,n,1))', 'integers(1, size=(2,n,1))'),
], '07_sanity': [
    ('SSIM without contrast', '(2*cov+c2)/((ma**2+mb**2+c1)*(va+vb+c2))', '1/(ma**2+mb**2+c1)'),
    ('SSIM without means', '(2*ma*mb+c1)*(2*cov+c2)/((ma**2+mb**2+c1)*(va+vb+c2))', '(2*cov+c2)/(va+vb+c2)'),
    ('pairs without evidence are scored', '.double().masked_fill(none, torch.nan)', '.double()'),
    ('forgetting from the bottom up', 'reversed(list(net.named_children()))', 'list(net.named_children())'),
    ('the network itself forgets', 'net = copy.deepcopy(plain(model))', 'net = plain(model)'),
    ('the class of the forgetful network', 'f(net, xb, layer, t)', 'f(net, xb, layer, None)'),
    ('changes that are not undone', 'mb = undo(mb)', 'mb = mb.clone()'),
    ('the sum without the bias', '.sum((2,3))+bias-', '.sum((2,3))-'),
]}


def mutate(nb, old, new):
    "The notebook with `old` replaced in the one exported cell that holds it"
    cells = [c for c in code_cells(nb) if old in source(c) and '#| export' in source(c)]
    if len(cells) != 1 or source(cells[0]).count(old) != 1: raise SystemExit(f'{old!r} is not in exactly one place of the exported cells')
    cells[0]['source'] = source(cells[0]).replace(old, new)
    compile(cells[0]['source'], new, 'exec') # a typing error would be noticed for the wrong reason
    return nb


def passes(page, nb, tree, env):
    "Does the page run to its end? Ends the program when the reason is not a failing cell"
    (tree/'nbs'/f'{page}.ipynb').write_text(json.dumps(nb), encoding='utf-8')
    rc, out, err = checks.run(checks.BIN/'nbdev_test', '--path', f'nbs/{page}.ipynb', '--n_workers', '0', cwd=tree, env=env)
    if rc and 'nbdev Tests Failed' not in out + err: raise SystemExit(f'{page}: nbdev_test ended with {rc}\n{checks.tail(out + err)}')
    return rc == 0


def main():
    chosen, missed = sys.argv[1:] or list(MUTANTS), []
    if unknown := set(chosen) - set(MUTANTS): raise SystemExit(f"no mutants of {', '.join(unknown)}: choose from {', '.join(MUTANTS)}")
    with tempfile.TemporaryDirectory() as tmp:
        checks.TMP = Path(tmp)
        tree = checks.copy('mutants')
        env = checks.env(PYTHONPATH=str(tree), OMP_NUM_THREADS=str(os.cpu_count() or 1))
        for page in chosen:
            mutants = MUTANTS[page]
            broken = [(wrong, mutate(read(ROOT/'nbs'/f'{page}.ipynb'), old, new)) for wrong, old, new in mutants]
            if not passes(page, read(ROOT/'nbs'/f'{page}.ipynb'), tree, env): raise SystemExit(f'{page} fails as it is')
            for wrong, nb in broken:
                if passes(page, nb, tree, env): missed.append(wrong)
                print(f"{page} | {wrong} | {'NOT NOTICED' if wrong in missed else 'noticed'}", flush=True)
            (tree/'nbs'/f'{page}.ipynb').write_bytes((ROOT/'nbs'/f'{page}.ipynb').read_bytes())
    n = sum(len(MUTANTS[page]) for page in chosen)
    print(f'{n - len(missed)} of {n} noticed')
    sys.exit(bool(missed))


if __name__ == '__main__': main()
