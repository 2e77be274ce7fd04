# shellcheck shell=sh disable=SC2154,SC2034,SC2016
# Oriel's own virtual machine monitor under test. Sourced by the payload's run.
socket=/run/oriel.sock
network_heals=yes

# machine_start KERNEL INITRD CMDLINE CPUS MEMORY-MIB DISK [READ-ONLY-DISK]
machine_start() {
    disks="{\"path\": \"$6\"}"
    [ $# -lt 7 ] || disks="$disks, {\"path\": \"$7\", \"read_only\": true}"
    cat > /run/machine.json << JSON
{
  "version": 1, "id": "nested", "machine": "kvm", "cpus": $4, "memory_mib": $5,
  "boot": {"kernel": "$1", "initrd": "$2", "cmdline": "$3"},
  "disks": [$disks], "agents": true, "sound": ${sound:-false},
  "networks": [{"mac": "52:54:00:12:34:56", "link": {"to": "passt", "egress": "host"}}],
  "width": $width, "height": $height, "screens": 2,
  "socket": "$socket", "serial_log": "$results/serial.log", "exit_report": "$results/exit-report.json"
}
JSON
    NO_COLOR=1 ORIEL_LOG=debug oriel-vmm run --config /run/machine.json > "$results/vmm.log" 2>&1 &
    machine=$!
}

machine_picture() { oriel-vmm screenshot --socket "$socket" --out "$1" >> "$results/client.log" 2>&1; }
machine_press() { oriel-vmm send-key --socket "$socket" "$@" >> "$results/client.log" 2>&1; }
machine_type() { oriel-vmm send-text --socket "$socket" "$@" >> "$results/client.log" 2>&1; }
machine_click() { oriel-vmm click --socket "$socket" "$@" >> "$results/client.log" 2>&1; }
machine_resize() { oriel-vmm control --socket "$socket" resize "$@" >> "$results/client.log" 2>&1; }
# machine_listen SECONDS WAV: what is played, for so long at most, as one line of JSON
machine_listen() { oriel-vmm record-audio --socket "$socket" --seconds "$1" --out "$2"; }
machine_power() { oriel-vmm control --socket "$socket" press-power >> "$results/client.log" 2>&1; }
machine_tell() { oriel-vmm control --socket "$socket" "$1"; }
# machine_receive FOLDER: saves the next file that the guest sends there, and prints its path
machine_receive() { oriel-vmm receive-file --socket "$socket" --into "$1" 2>> "$results/client.log"; }
# machine_copy TYPE FILE: lets the guest paste the file until the process $copying ends
machine_copy() {
    oriel-vmm set-clipboard --socket "$socket" --seconds 300 "$1" < "$2" >> "$results/client.log" 2>&1 &
    copying=$!
}
# machine_paste TYPE: what the guest copied
machine_paste() { oriel-vmm get-clipboard --socket "$socket" "$1" 2>> "$results/client.log"; }
machine_send() { oriel-vmm send-file --socket "$socket" "$1" >> "$results/client.log" 2>&1; }
# answered COMMAND TEXT: whether what it is told is answered with that
answered() { machine_tell "$1" > "$results/$1.txt" 2>&1 && grep -q "$2" "$results/$1.txt"; }
machine_ended_well() { grep -q guest_power_off "$results/exit-report.json"; }
