# shellcheck shell=sh disable=SC2034,SC2154
# What is tried with the guest's agent. Sourced by the payload's run, for
# machines that can be told something.
# Within the limit after which a guest is thawed by itself
frozen_for_a_while() { answered freeze '^1 file systems' && sleep 12 && answered thaw '^[1-9]'; }

what='5 MB that the guest sends arrive with their sum'
received() {
    file=$(machine_receive "$results") && [ "${file##*/}" = 'sent file.bin' ] &&
        [ "$(wc -c < "$file")" -eq 5000003 ] &&
        sum=$(sha256sum < "$file") && said "guest: sends a file with the sum ${sum%% *}"
}
check received
what='and the guest is told that they did' && check wait_for 30 said 'guest: file sent'
what='the packaged guest agent finds its port and tells what the guest is' && check wait_for 60 answered facts 'Nested guest'
what='the description tells that the agent is connected' && check answered describe '"guest": true'
what='the agent names the mounted disk' && check answered facts '"mountpoint": "/mnt"'
what='the disk is frozen and thawed' && check frozen_for_a_while
what='writers waited meanwhile' && check wait_for 30 said 'guest: a write waited for the disk to thaw'
what='the agent is told to shut the guest down' && check machine_tell shut-down
what="the guest's own shutdown program runs" && check wait_for 20 said 'guest: told to shut down'
