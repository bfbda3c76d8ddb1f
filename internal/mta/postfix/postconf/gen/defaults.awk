# Joins lines "VERSION KIND NAME = VALUE" into a table with version ranges.
BEGIN {
	n = split(ENVIRON["releases"], tag, " ")
	for (i = 1; i <= n; i++) {
		version[i] = substr(tag[i], 2)
		rank[version[i]] = i
	}
	split("default service raw legacy ldap mysql pgsql sqlite memcache mongodb", kinds, " ")
	for (i = 1; i in kinds; i++)
		order[kinds[i]] = i
	# The host that built it decides these.
	split("myhostname mydomain mynetworks process_id process_name config_directory mail_release_date mail_version", host, " ")
	for (i in host)
		skip[host[i]] = 1
	print "# The defaults of Postfix, as postconf -d prints them with nothing in main.cf"
	print "# and master.cf, of all releases from " tag[1] " to " tag[n] ", built from source with"
	print "# the settings that a plain Linux gives. Written by gen/defaults.sh; not to be"
	print "# edited. Left out is what Postfix asks the host for."
	print "#"
	print "# KIND NAME [FROM,BEFORE) = VALUE: without a range, of all releases. Kinds are"
	print "# default; service, a suffix of parameters that each delivery agent or spawn(8)"
	print "# service of master.cf has; raw, not expanded when main.cf is read; legacy, known"
	print "# as an old name; ldap and so on, the suffixes of table parameters in main.cf."
}
{
	m = $1; kind = $2; name = $3
	value = $0
	sub(/^[^ ]* [^ ]* [^ ]* = ?/, "", value)
	sub(/^[^ ]* [^ ]* [^ ]* =$/, "", value)
	if (name in skip)
		next
	key = sprintf("%02d %s %s", order[kind], kind, name)
	have[key, rank[m]] = 1
	val[key, rank[m]] = value
	keys[key] = 1
}
END {
	sorter = "LC_ALL=C sort -k1,1n -k3,3 -k4,4V | cut -d' ' -f2-"
	for (key in keys) {
		for (i = 1; i <= n; i = j) {
			j = i + 1
			if (!((key, i) in have))
				continue
			while (j <= n && ((key, j) in have) && val[key, j] == val[key, i])
				j++
			range = (i == 1 && j == n + 1) ? "" : " [" (i == 1 ? "" : version[i]) "," (j == n + 1 ? "" : version[j]) ")"
			line = key range " ="
			if (val[key, i] != "")
				line = line " " val[key, i]
			print line | sorter
		}
	}
}
