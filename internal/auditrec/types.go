package auditrec

import (
	"strconv"
	"strings"
)

// typeNames are the record types of linux/audit.h and libaudit's audit-records.h
// that a mail server's audit log holds.
var typeNames = map[uint16]string{
	1006: "LOGIN",

	1100: "USER_AUTH", 1101: "USER_ACCT", 1102: "USER_MGMT", 1103: "CRED_ACQ", 1104: "CRED_DISP",
	1105: "USER_START", 1106: "USER_END", 1107: "USER_AVC", 1108: "USER_CHAUTHTOK", 1109: "USER_ERR",
	1110: "CRED_REFR", 1111: "USYS_CONFIG", 1112: "USER_LOGIN", 1113: "USER_LOGOUT", 1114: "ADD_USER",
	1115: "DEL_USER", 1116: "ADD_GROUP", 1117: "DEL_GROUP", 1118: "DAC_CHECK", 1119: "CHGRP_ID",
	1120: "TEST", 1121: "TRUSTED_APP", 1122: "USER_SELINUX_ERR", 1123: "USER_CMD", 1124: "USER_TTY",
	1125: "CHUSER_ID", 1126: "GRP_AUTH", 1127: "SYSTEM_BOOT", 1128: "SYSTEM_SHUTDOWN", 1129: "SYSTEM_RUNLEVEL",
	1130: "SERVICE_START", 1131: "SERVICE_STOP", 1132: "GRP_MGMT", 1133: "GRP_CHAUTHTOK", 1134: "MAC_CHECK",
	1135: "ACCT_LOCK", 1136: "ACCT_UNLOCK", 1137: "USER_DEVICE", 1138: "SOFTWARE_UPDATE",

	1200: "DAEMON_START", 1201: "DAEMON_END", 1202: "DAEMON_ABORT", 1203: "DAEMON_CONFIG",
	1204: "DAEMON_RECONFIG", 1205: "DAEMON_ROTATE", 1206: "DAEMON_RESUME", 1207: "DAEMON_ACCEPT",
	1208: "DAEMON_CLOSE", 1209: "DAEMON_ERR",

	1300: "SYSCALL", 1302: "PATH", 1303: "IPC", 1304: "SOCKETCALL", 1305: "CONFIG_CHANGE", 1306: "SOCKADDR",
	1307: "CWD", 1309: "EXECVE", 1311: "IPC_SET_PERM", 1312: "MQ_OPEN", 1313: "MQ_SENDRECV", 1314: "MQ_NOTIFY",
	1315: "MQ_GETSETATTR", 1316: "KERNEL_OTHER", 1317: "FD_PAIR", 1318: "OBJ_PID", 1319: "TTY", 1320: "EOE",
	1321: "BPRM_FCAPS", 1322: "CAPSET", 1323: "MMAP", 1324: "NETFILTER_PKT", 1325: "NETFILTER_CFG",
	1326: "SECCOMP", 1327: "PROCTITLE", 1328: "FEATURE_CHANGE", 1329: "REPLACE", 1330: "KERN_MODULE",
	1331: "FANOTIFY", 1332: "TIME_INJOFFSET", 1333: "TIME_ADJNTPVAL", 1334: "BPF", 1335: "EVENT_LISTENER",
	1336: "URINGOP", 1337: "OPENAT2", 1338: "DM_CTRL", 1339: "DM_EVENT",

	1400: "AVC", 1401: "SELINUX_ERR", 1402: "AVC_PATH", 1403: "MAC_POLICY_LOAD", 1404: "MAC_STATUS",
	1405: "MAC_CONFIG_CHANGE", 1420: "MAC_TASK_CONTEXTS", 1421: "MAC_OBJ_CONTEXTS",
	1500: "APPARMOR", 1501: "APPARMOR_AUDIT", 1502: "APPARMOR_ALLOWED", 1503: "APPARMOR_DENIED",
	1504: "APPARMOR_HINT", 1505: "APPARMOR_STATUS", 1506: "APPARMOR_ERROR",

	1700: "ANOM_PROMISCUOUS", 1701: "ANOM_ABEND", 1702: "ANOM_LINK", 1703: "ANOM_CREAT",
	1800: "INTEGRITY_DATA", 1801: "INTEGRITY_METADATA", 1802: "INTEGRITY_STATUS", 1803: "INTEGRITY_HASH",
	1804: "INTEGRITY_PCR", 1805: "INTEGRITY_RULE", 2000: "KERNEL",
	2100: "ANOM_LOGIN_FAILURES", 2101: "ANOM_LOGIN_TIME", 2102: "ANOM_LOGIN_SESSIONS", 2103: "ANOM_LOGIN_ACCT",
	2104: "ANOM_LOGIN_LOCATION", 2300: "USER_ROLE_CHANGE", 2301: "ROLE_ASSIGN", 2302: "ROLE_REMOVE",
	2404: "CRYPTO_KEY_USER", 2405: "CRYPTO_SESSION", 2407: "CRYPTO_SESSION", 2500: "VIRT_CONTROL",
}

func typeName(typ uint16) string {
	if name, ok := typeNames[typ]; ok {
		return name
	}
	return "UNKNOWN[" + strconv.Itoa(int(typ)) + "]" // as auditd writes it
}

// alone reports whether records of a type are whole events: user-space messages,
// which the kernel passes on outside any system call. LOGIN and CONFIG_CHANGE are
// not among them: where the process is audited, its SYSCALL record follows with
// the same serial and says which program it was.
func alone(typ string) bool {
	return userSpace(typ) || strings.HasPrefix(typ, "DAEMON_")
}

func userSpace(typ string) bool {
	for _, prefix := range [...]string{"USER_", "CRED_", "GRP_", "SYSTEM_", "SERVICE_", "ACCT_", "ADD_", "DEL_", "ROLE_", "CRYPTO_", "VIRT_", "ANOM_LOGIN_"} {
		if strings.HasPrefix(typ, prefix) {
			return true
		}
	}
	switch typ {
	case "USYS_CONFIG", "DAC_CHECK", "CHGRP_ID", "CHUSER_ID", "TEST", "TRUSTED_APP", "MAC_CHECK", "SOFTWARE_UPDATE":
		return true
	}
	return false
}

// awaitsSyscall reports whether an event that begins with a record of this type
// may or may not have a SYSCALL record.
func awaitsSyscall(typ string) bool { return typ == "LOGIN" || typ == "CONFIG_CHANGE" }
