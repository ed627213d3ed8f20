# The same application as scripted-app.ts, on Python's own SQLite: each line of stdin is a JSON list of steps, done back to
# back, and answered by one line of JSON. python3 scripted-app.py
import hashlib, json, os, shutil, sqlite3, sys, time

connection = None


def do(name, a=None, b=None):
    global connection
    if name == "open":
        connection = sqlite3.connect(a, timeout=int(b) / 1000, isolation_level=None)
    elif name == "run":
        connection.execute(a).fetchall()
    elif name == "try":
        try:
            connection.execute(a).fetchall()
            return "ok"
        except sqlite3.Error as error:
            return str(error)
    elif name == "ask":
        return connection.execute(a).fetchall()
    elif name == "close":
        connection.close()
        connection = None
    elif name == "sleep":
        time.sleep(int(a) / 1000)
    elif name == "copy":
        shutil.copyfile(a, b)
    elif name == "move":
        os.replace(a, b)
    elif name == "remove":
        if os.path.exists(a):
            os.remove(a)
    elif name == "touch":
        os.utime(a)
    elif name == "hash":
        with open(a, "rb") as file:
            return hashlib.sha1(file.read()).hexdigest()
    else:
        raise ValueError(name)
    return "done"


for line in sys.stdin:
    try:
        told = {"answers": [do(*step) for step in json.loads(line)]}
    except Exception as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)
if connection is not None:
    connection.close()
