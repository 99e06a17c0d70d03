# Runs the server given as arguments, tells its process number on standard output, and ends with its status.
# Standard input is a pipe that the launcher holds and never writes to: when it closes, on purpose or because the
# launcher was killed, the server is shut down (SIGINT: cut the connections, keep what was committed).
exec 3<&0 </dev/null
"$@" >&2 3<&- &
server=$!
echo "$server"
exec >&2
{ read -r _ <&3; kill -INT "$server"; } &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
