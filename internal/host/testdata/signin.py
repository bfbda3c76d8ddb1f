# Signs two people in by the services case0, case1 … with a wrong password, through
# libpam, and prints a word for each: "10" where alice was let in, and bob was not.
import crypt, ctypes, sys

libpam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL("libc.so.6")
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


TALK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("talk", TALK), ("data", ctypes.c_void_p)]


def answer(n, messages, responses, data):
    block = libc.calloc(n, ctypes.sizeof(Response))
    for i in range(n):
        Response.from_address(block + i * ctypes.sizeof(Response)).text = libc.strdup(b"wrong")
    responses[0] = block
    return 0


talk = Conversation(TALK(answer), None)
with open("/etc/passwd", "a") as passwd, open("/etc/shadow", "a") as shadow:
    for i, name in enumerate(("alice", "bob")):
        passwd.write(f"{name}:x:{2000 + i}:100::/:/bin/sh\n")
        shadow.write(f"{name}:{crypt.crypt('right', '$5$rounds=1000$salt$')}:19000:0:99999:7:::\n")


def signs_in(service, name):
    handle = ctypes.c_void_p()
    if libpam.pam_start(service.encode(), name.encode(), ctypes.byref(talk), ctypes.byref(handle)) != 0:
        return 0
    said = libpam.pam_authenticate(handle, 0)
    libpam.pam_end(handle, said)
    return int(said == 0)


for i in range(int(sys.argv[1])):
    print(str(signs_in(f"case{i}", "alice")) + str(signs_in(f"case{i}", "bob")))
