#!/usr/bin/env python3
"""Recall of the findings that human coders tagged (Open-i MeSH, `major`) among the mentions.
usage: openi_mesh.py RADLABEL OPENI-FOLDER NEVER.txt LEXICONS [-v]   (OPENI-FOLDER as get.py writes it)
A tag ("Opacity/lung/base/left") is turned into the phrases a report would use for it and read by the program itself:
the concepts that they give, with all above and below them, are what counts as found. `normal`, technical and
indexing tags are left out."""
import collections, glob, json, re, subprocess, sys, tempfile, xml.etree.ElementTree as ET
binary, folder, never, lex = sys.argv[1:5]
skip=set(open(never).read().split())
parents=collections.defaultdict(set)
for p in glob.glob(lex+'/**/*.tsv',recursive=True):
    head=None
    for l in open(p):
        if l.startswith('#'): continue
        c=l.rstrip('\n').split('\t')
        if head is None: head=c; continue
        parents[c[0]]|={x for x in c[head.index('parents')].split(',') if x}
def up(c):
    out=set(); todo=[c]
    while todo:
        x=todo.pop()
        if x not in out: out.add(x); todo+=parents[x]
    return out
tags={}
for f in glob.glob(folder+'/ecgen-radiology/*.xml'):
    r=ET.parse(f).getroot(); i='CXR'+f.split('/')[-1][:-4]
    if i in skip: continue
    tags[i]=[m.text for m in r.iter('major') if m.text and m.text not in('normal','No Indexing') and not m.text.startswith('Technical Quality')]
def read(items):
    with tempfile.NamedTemporaryFile('w',suffix='.jsonl',delete=False) as f:
        for i,t in items: f.write(json.dumps({'id':i,'text':t})+'\n')
    o=subprocess.run([binary,'label',f.name,'--format','jsonl'],capture_output=True,text=True).stdout
    return {r['id']:r['mentions'] for r in map(json.loads,o.splitlines())}
texts={r['id']:r['text'] for r in map(json.loads,open(folder+'/reports.jsonl'))}
got=read([(i,texts[i]) for i in tags if i in texts])
kinds=sorted({t for v in tags.values() for t in v})
# MeSH's words for what reports call otherwise.
WORDS={'calcinosis':'calcification','cicatrix':'scar','surgical instruments':'surgical clips','indwelling catheters':'catheter','pulmonary congestion':'vascular congestion','blister':'bulla','markings':'increased interstitial markings','hypoinflation':'low lung volumes','hyperdistention':'hyperinflation','implanted medical device':'medical device','pneumonectomy':'pneumonectomy','pulmonary hypertension':'pulmonary hypertension','sulcus':'costophrenic sulcus','contrast media':'retained contrast','shift':'mediastinal shift','adipose tissue':'prominent epicardial fat','pleura':'pleural thickening'}
def phrases(t):
    p=[x.strip().lower() for x in t.split('/')]
    head=p[0]; head=re.sub(r'^(.*), (.*)$',r'\2 \1',head)
    head=WORDS.get(head,head)
    rest=[WORDS.get(x,x) for x in p[1:] if x not in('left','right','bilateral','mild','moderate','severe','multiple','small','large','chronic','base','apex','upper lobe','lower lobe','middle lobe')]
    out=[head+'.']
    for q in rest: out+= [f'The {head} is {q}.', f'{q} {head}.', f'{head} in the {q}.']
    return ' '.join(x[0].upper()+x[1:] for x in out)
meant=read([(t,phrases(t)) for t in kinds])
found=0; total=0; miss=collections.Counter(); hits=collections.Counter(); unreadable=collections.Counter()
for i,ts in tags.items():
    if i not in got: continue
    have=set(); 
    for m in got[i]:
        have|=up(m['concept'])
    exact={m['concept'] for m in got[i]}
    for t in ts:
        want={m['concept'] for m in meant[t]}
        total+=1
        if not want: unreadable[t.split('/')[0]]+=1; miss[t.split('/')[0]]+=1; continue
        ok=bool(want & have) or any(up(w)&exact for w in want)
        found+=ok; (hits if ok else miss)[t.split('/')[0]]+=1
print(f'{len(got)} reports, {total} tags, recall {found/total:.4f}; tag not readable {sum(unreadable.values())}')
for h,k in miss.most_common(40): print(f'{k:5} missed of {k+hits[h]:5}  {h}'+('  (the tag itself names no finding of the lexicon)' if unreadable[h] else ''))
