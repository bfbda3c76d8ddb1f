# Prints as JSON what Mailman 3 reads in each of the files case0.cfg, case1.cfg … of a
# directory: which settings it changes, which
# are as they were and say nothing or no, or why it is refused.
import json, sys
from lazr.config import ImplicitTypeSchema

D = "/usr/lib/python3/dist-packages/mailman/config"
asked = {"mta", "mailman", "plugin.own", "devmode", "archiver.own", "logging.smtp", "nntp"}
answers = []
for i in range(int(sys.argv[2])):
    name = f"{sys.argv[1]}/case{i}.cfg"
    schema = ImplicitTypeSchema(D + "/schema.cfg")
    conf = schema.load(D + "/mailman.cfg")
    conf.push("empty", "[plugin.own]\n[archiver.own]\n[logging.smtp]\n")
    before = {(s.name, k): s[k] for s in conf for k in s}
    try:
        conf.push(name, open(name).read())
        conf.validate()
        answers.append({
            "changed": {f"{s.name}:{k}": s[k] for s in conf for k in s if before.get((s.name, k)) != s[k]},
            "same": {f"{s.name}:{k}": s[k] for s in conf for k in s if before.get((s.name, k)) == s[k] and s[k] in ("", "no") and s.name in asked},
        })
    except Exception as e:
        answers.append({"refused": f"{type(e).__name__}: {getattr(e, 'errors', e)}"})
print(json.dumps(answers))
