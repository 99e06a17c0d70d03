# Runs the server given as arguments, tells its process number on standard output, and ends with its status.
# Standard input is a pipe that the launcher holds and never writes to: when it closes, on purpose or because the
# launcher was killed, the server is shut down (SIGINT: cut the connections, keep what was committed).
exec 3<&0 </dev/null
"$@" >&2 3<&- &
server=$!
# Again and again, since a server that is only just starting may not hear the first.
{ read -r _ <&3; while kill -INT "$server"; do sleep 1 || break; done; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
# Nobody reads it any more when the launcher was killed already; that must not end this shell.
(trap '' PIPE; echo "$server") 2>/dev/null
exec >&2
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
