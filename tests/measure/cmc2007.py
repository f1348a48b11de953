#!/usr/bin/env python3
"""CMC 2007 reports against their coders: F1 of four diseases.

usage: cmc2007.py RADLABEL train.xml LEXICONS [-v] [-c]

The coders code what is known as well as what is seen, so a mention counts that is present now or told as history.
-v prints every disagreement (report text: not for logs), -c the concepts behind each count."""
import collections, glob, json, subprocess, sys, tempfile, xml.etree.ElementTree as ET
binary, path, lexicons = sys.argv[1:4]
docs=[]
for d in ET.parse(path).getroot().iter('doc'):
    codes={c.text for c in d.iter('code') if c.get('origin')=='CMC_MAJORITY'}
    texts={t.get('type'):t.text or '' for t in d.iter('text') if t.get('origin')=='CCHMC_RADIOLOGY'}
    docs.append((d.get('id'),codes,'CLINICAL HISTORY: '+texts.get('CLINICAL_HISTORY','')+'\nIMPRESSION: '+texts.get('IMPRESSION','')))
# the code and the concepts (with all below them) that stand for it
WANT={'pneumonia':('486',['pneumonia']),'atelectasis':('518.0',['atelectasis']),'hydronephrosis':('591',['hydronephrosis']),'reflux':('593.70',['vesicoureteral-reflux'])}
with tempfile.NamedTemporaryFile('w',suffix='.jsonl',delete=False) as f:
    for i,_,t in docs: f.write(json.dumps({'id':i,'text':t})+'\n')
out=subprocess.run([binary,'label',f.name,'--format','jsonl'],capture_output=True,text=True).stdout
parents={}
for p in glob.glob(lexicons+'/**/*.tsv',recursive=True):
    head=None
    for l in open(p):
        if l.startswith('#'): continue
        c=l.rstrip('\n').split('\t')
        if head is None: head=c; continue
        parents.setdefault(c[0],[]).extend(x for x in c[head.index('parents')].split(',') if x)
def under(c,roots,seen=()):
    return c in roots or any(under(p,roots) for p in parents.get(c,[]))
rows={r['id']:r for r in map(json.loads,out.splitlines())}
cls=collections.Counter()
for name,(code,roots) in WANT.items():
    tp=fp=fn=0
    for i,codes,t in docs:
        ms=[m for m in rows[i]['mentions'] if under(m['concept'],roots) and m['subject']=='patient']
        # A code stands for what the impression says is there, or else for known disease of the history.
        imp=[m for m in ms if m['section']=='impression']
        has=any(m["status"]=="present" and m["time"] in ("current","historical") for m in ms)
        gold=code in codes
        tp+=has and gold; fp+=has and not gold; fn+=gold and not has
        if has!=gold:
            why='coded, '+('not mentioned' if not ms else '/'.join(sorted({m['section']+':'+(m['time'] if m['time']!='current' else m['status']) for m in ms}))) if gold else 'not coded, '+'/'.join(sorted({m['section']+':'+(m['time'] if m['time']!='current' else m['status']) for m in ms}))
            cls[name,why]+=1
            if '-v' in sys.argv: print(name,i,why,sorted(codes),'|',t.replace('\n',' '))
    p=tp/max(1,tp+fp); r=tp/max(1,tp+fn)
    print(f'{name:15} coded {tp+fn:4}  tp {tp:4} fp {fp:3} fn {fn:3}  precision {p:.3f} recall {r:.3f} F1 {2*p*r/max(1e-9,p+r):.3f}')
for (n,w),k in sorted(cls.items()): print('  ',n,k,w)
if '-c' in sys.argv:
    c=collections.Counter()
    for i,codes,t in docs:
        for m in rows[i]['mentions']:
            if m['status']=='present' and m['time'] in('current','historical'):
                for n,(code,roots) in WANT.items():
                    if under(m['concept'],roots): c[n,m['concept'],code in codes]+=1
    for k,v in sorted(c.items()): print(v,k)
