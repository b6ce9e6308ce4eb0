# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_h2k_global_optspecs
    string join \n state= config= log-format= q/quiet v/verbose h/help V/version
end

function __fish_h2k_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_h2k_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_h2k_using_subcommand
    set -l cmd (__fish_h2k_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c h2k -n "__fish_h2k_needs_command" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_needs_command" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_needs_command" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_needs_command" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_needs_command" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_needs_command" -s V -l version -d 'Print version'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "migrate" -d 'Move a VM: plan, repair, copy, boot'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "plan" -d 'Show every change that migrate would make; nothing is touched'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "batch" -d 'Check, describe and begin batch files: many VMs for one night'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "inspect" -d 'Show what the hypervisor and the disks say of a VM'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "test" -d 'Boot results, domains or disks to prove that they run; they are not written to'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "convert" -d 'Copy a disk into another format; nothing inside it is changed'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "verify" -d 'Read disks again and compare them with what was copied'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "status" -d 'Show batches and runs, also while another h2k works on them'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "history" -d 'Show what was done when, and how long it took'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "cancel" -d 'Stop a batch, or a VM, that another h2k works on'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "clean" -d 'Remove what unfinished runs left, and forget them'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "resume" -d 'Go on with batches and runs that were killed or failed'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "report" -d 'Print the report of a finished migration'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "undo" -d 'List the edits of a finished migration, or take them back'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "refix" -d 'Make the repairs of a result anew with other options, without copying'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "accept" -d 'Make a result that keeps its base stand for itself: one file per disk'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "fixers" -d 'List the repairs that h2k knows'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "rules" -d 'List the rules that look for concerns'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "doctor" -d 'Check whether this host has what h2k needs'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "run-job" -d 'Migrate one VM of a batch; started by migrate -f'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "man" -d 'Write the manual pages into a directory'
complete -c h2k -n "__fish_h2k_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -s f -l file -d 'Move all VMs of a batch file; one that was stopped goes on where it was' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -s o -l output -d 'Directory that the result\'s directory DIR/NAME is made in' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l name -d 'Name of the VM on the target [default: the source\'s own]' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l metrics -d 'Write metrics for Prometheus to this file after each VM: states, seconds, bytes [default: none]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l plan -d 'Carry out a plan that h2k plan wrote with --json or -f: as it stands there, or not at all' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l format -d 'Format of the target\'s disks [default: qcow2]' -r -f -a "qcow2\t''
raw\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l compress -d 'Compress the clusters of qcow2 disks' -r -f -a "zstd\t''
zlib\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l keep-base -d 'Keep the repairs in an overlay over an unchanged copy of the source\'s disks: h2k refix makes them anew without copying, h2k accept ends that. qcow2 only' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l disk-bus -d 'Bus of the target\'s disks; sata is IDE for Windows before Vista [default: virtio-blk, or what a Windows guest has a driver for]' -r -f -a "virtio-blk\t''
virtio-scsi\t''
sata\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l nic-model -d 'Model of the target\'s NICs [default: virtio, or what a Windows guest has a driver for]' -r -f -a "virtio\t''
e1000e\t''
e1000\t''
rtl8139\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l network -d 'Where a source network or a NIC goes: SRC=network:NAME (a libvirt network) or SRC=bridge:NAME (a host bridge). SRC is the name of a network, the MAC address of a NIC, which goes before a name, or * for everything without an option of its own' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l mac -d 'Give the NIC with the MAC address OLD the MAC address NEW on the target; what is tied to OLD in the guest follows. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l ip -d 'Give a NIC an address: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...], written for the guest\'s own network configuration; MAC is the source\'s or the target\'s, an empty GATEWAY is none. Several of one MAC add up. A family (IPv4, IPv6) without an address of its own stays as it was' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l dhcp -d 'Have a NIC get its IPv4 address by DHCP instead of what the guest has. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l cloud-init -d 'What is done about cloud-init [default: no-network, where it would configure the network anew because its datasource is not in the guest; else keep]' -r -f -a "keep\t''
no-network\t''
disable\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l initramfs -d 'How drivers come into an initramfs that lacks them: an archive is appended to it (append), the guest\'s own generator builds it anew (tool), or the first where it is proven and the second elsewhere [default: auto]' -r -f -a "auto\t''
append\t''
tool\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l skip-fixer -d 'Do not make this repair; h2k fixers lists them. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l key -d 'Open an encrypted volume (LUKS, BitLocker): VOLUME:file:PATH (a passphrase or recovery password), VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:- (a passphrase in a variable, on stdin). VOLUME is all, UUID=… or its device in the guest. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l root -d 'Migrate the system whose root device this is, where the disks hold several: as h2k inspect names it, or UUID=…. The others are copied as they are' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l tools -d 'What becomes of the old hypervisor\'s guest tools [default: mask]' -r -f -a "keep\t''
mask\t''
remove\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l agent-packages -d 'Directory with packages of the QEMU guest agent: those that fit a guest without one are installed in it' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l virtio-win -d 'Directory or ISO image with virtio drivers for Windows: those that a Windows guest needs are put into it [default: $VIRTIO_WIN, or where the package virtio-win has it]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l regenerate-identity -d 'Make the guest another one: a new machine id and new SSH host keys at its first boot' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l serial-console -d 'Give the guest a serial console: kernel, GRUB menu and login' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l no-boot -d 'Do not boot the result: then nothing is proven' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l boot-timeout -d 'Seconds that the boot may take [default: depends on whether KVM can be used]' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l no-sample -d 'Do not copy a sample to measure how long the migration takes: the plan then tells no time' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l parent -d 'File that may be the parent of a disk (the base of a snapshot), or a directory of such. May be given several times; the disks\' own directories are always looked into' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l temp-dir -d 'Directory for temporary files [default: $TMPDIR, or /var/tmp]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l engine -d 'What copies the disks; qemu is there for comparison [default: native]' -r -f -a "native\t''
qemu\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l threads -d 'Threads that copy a disk [default: one per processor]' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l limit-rate -d 'Most bytes that are read per second and disk: a number with K, M, G or T' -r
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -l json -d 'Print JSON: what came of each VM, as in the report of a batch'
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand migrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand plan" -s f -l file -d 'Plan all VMs of a batch file, side by side' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l vm -d 'Of the batch file, only this VM\'s plan. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l name -d 'Name of the VM on the target [default: the source\'s own]' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -s o -l output -d 'Write the plan to a file instead of stdout; with -f, a file NAME.plan.json for each VM into a directory, for migrate --plan' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l format -d 'Format of the target\'s disks [default: qcow2]' -r -f -a "qcow2\t''
raw\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l compress -d 'Compress the clusters of qcow2 disks' -r -f -a "zstd\t''
zlib\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l keep-base -d 'Keep the repairs in an overlay over an unchanged copy of the source\'s disks: h2k refix makes them anew without copying, h2k accept ends that. qcow2 only' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l disk-bus -d 'Bus of the target\'s disks; sata is IDE for Windows before Vista [default: virtio-blk, or what a Windows guest has a driver for]' -r -f -a "virtio-blk\t''
virtio-scsi\t''
sata\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l nic-model -d 'Model of the target\'s NICs [default: virtio, or what a Windows guest has a driver for]' -r -f -a "virtio\t''
e1000e\t''
e1000\t''
rtl8139\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l network -d 'Where a source network or a NIC goes: SRC=network:NAME (a libvirt network) or SRC=bridge:NAME (a host bridge). SRC is the name of a network, the MAC address of a NIC, which goes before a name, or * for everything without an option of its own' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l mac -d 'Give the NIC with the MAC address OLD the MAC address NEW on the target; what is tied to OLD in the guest follows. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l ip -d 'Give a NIC an address: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...], written for the guest\'s own network configuration; MAC is the source\'s or the target\'s, an empty GATEWAY is none. Several of one MAC add up. A family (IPv4, IPv6) without an address of its own stays as it was' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l dhcp -d 'Have a NIC get its IPv4 address by DHCP instead of what the guest has. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l cloud-init -d 'What is done about cloud-init [default: no-network, where it would configure the network anew because its datasource is not in the guest; else keep]' -r -f -a "keep\t''
no-network\t''
disable\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l initramfs -d 'How drivers come into an initramfs that lacks them: an archive is appended to it (append), the guest\'s own generator builds it anew (tool), or the first where it is proven and the second elsewhere [default: auto]' -r -f -a "auto\t''
append\t''
tool\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l skip-fixer -d 'Do not make this repair; h2k fixers lists them. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l key -d 'Open an encrypted volume (LUKS, BitLocker): VOLUME:file:PATH (a passphrase or recovery password), VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:- (a passphrase in a variable, on stdin). VOLUME is all, UUID=… or its device in the guest. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l root -d 'Migrate the system whose root device this is, where the disks hold several: as h2k inspect names it, or UUID=…. The others are copied as they are' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l tools -d 'What becomes of the old hypervisor\'s guest tools [default: mask]' -r -f -a "keep\t''
mask\t''
remove\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l agent-packages -d 'Directory with packages of the QEMU guest agent: those that fit a guest without one are installed in it' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l virtio-win -d 'Directory or ISO image with virtio drivers for Windows: those that a Windows guest needs are put into it [default: $VIRTIO_WIN, or where the package virtio-win has it]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l regenerate-identity -d 'Make the guest another one: a new machine id and new SSH host keys at its first boot' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l serial-console -d 'Give the guest a serial console: kernel, GRUB menu and login' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l no-boot -d 'Do not boot the result: then nothing is proven' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l boot-timeout -d 'Seconds that the boot may take [default: depends on whether KVM can be used]' -r
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l no-sample -d 'Do not copy a sample to measure how long the migration takes: the plan then tells no time' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l parent -d 'File that may be the parent of a disk (the base of a snapshot), or a directory of such. May be given several times; the disks\' own directories are always looked into' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l temp-dir -d 'Directory for temporary files [default: $TMPDIR, or /var/tmp]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand plan" -l markdown -d 'Print Markdown'
complete -c h2k -n "__fish_h2k_using_subcommand plan" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand plan" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -f -a "check" -d 'Show the VMs that a batch file names, or every mistake in it; ends with 2 if there is one'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -f -a "schema" -d 'Print the JSON Schema of batch files, for editors'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -f -a "example" -d 'Print a batch file with every key and what it is for'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -f -a "init" -d 'Begin a batch file with the VMs that are found'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and not __fish_seen_subcommand_from check schema example init help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from example" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -s o -l output -d 'Write to a file instead of stdout; one that is there is left alone' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from help" -f -a "check" -d 'Show the VMs that a batch file names, or every mistake in it; ends with 2 if there is one'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print the JSON Schema of batch files, for editors'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from help" -f -a "example" -d 'Print a batch file with every key and what it is for'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from help" -f -a "init" -d 'Begin a batch file with the VMs that are found'
complete -c h2k -n "__fish_h2k_using_subcommand batch; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l parent -d 'File that may be the parent of a disk, or a directory of such. May be given several times' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l key -d 'Open an encrypted volume, as in migrate. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l root -d 'Look into the system whose root device this is, where the disks hold several, as in migrate' -r
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l temp-dir -d 'Directory for temporary files [default: $TMPDIR, or /var/tmp]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand test" -l junit -d 'Write the verdicts as JUnit XML' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand test" -l evidence -d 'Directory for serial log, screenshot and verdict [default: none is kept]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand test" -l key -d 'Open an encrypted volume, as in migrate: a guest without a serial console is given one. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand test" -l boot-timeout -d 'Seconds that a boot may take [default: depends on whether KVM can be used]' -r
complete -c h2k -n "__fish_h2k_using_subcommand test" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand test" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand test" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand test" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand test" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand test" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l format -d 'Format of OUT [default: what its name ends in, or qcow2]' -r -f -a "qcow2\t'qcow2, version 3'
raw\t'Raw bytes; zeros are holes'
vmdk\t'VMware, monolithic sparse (through qemu-img)'
vhdx\t'Hyper-V, dynamic (through qemu-img)'
vdi\t'VirtualBox (through qemu-img)'"
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l compress -d 'Compress the clusters of a qcow2 disk' -r -f -a "zstd\t''
zlib\t''"
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l digests -d 'Write the digest of every 4 MiB that hold something to FILE, for h2k verify' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l parent -d 'File that may be the parent of the disk, or a directory of such. May be given several times' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l engine -d 'What copies the disks; qemu is there for comparison [default: native]' -r -f -a "native\t''
qemu\t''"
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l threads -d 'Threads that copy a disk [default: one per processor]' -r
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l limit-rate -d 'Most bytes that are read per second and disk: a number with K, M, G or T' -r
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l temp-dir -d 'Directory for temporary files [default: $TMPDIR, or /var/tmp]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l preallocate -d 'Reserve all blocks of a raw disk'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l no-reflink -d 'Read and write even where the file system could share the blocks with IN'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l verify -d 'Read OUT again when it is complete, and compare it with what IN held'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand verify" -l digests -d 'File of digests that a disk is compared with; h2k convert --digests writes one' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand verify" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand verify" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand verify" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand verify" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand verify" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand verify" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand status" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand status" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand status" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand status" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand status" -s w -l watch -d 'Show it again and again until nothing runs'
complete -c h2k -n "__fish_h2k_using_subcommand status" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand status" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand status" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand history" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand history" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand history" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand history" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand history" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand history" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand history" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand clean" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand clean" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand clean" -l all -d 'All that is unfinished'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -l finished -d 'The records of all that is finished, instead'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -s n -l dry-run -d 'Only show what would be removed'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand clean" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l engine -d 'What copies the disks; qemu is there for comparison [default: native]' -r -f -a "native\t''
qemu\t''"
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l threads -d 'Threads that copy a disk [default: one per processor]' -r
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l limit-rate -d 'Most bytes that are read per second and disk: a number with K, M, G or T' -r
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand resume" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand resume" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand resume" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand report" -l batch -d 'Print the report of a batch, by its name or the directory of its report' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand report" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand report" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand report" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand report" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand report" -l html -d 'Print a page for a browser: one file that needs no other'
complete -c h2k -n "__fish_h2k_using_subcommand report" -l markdown -d 'Print Markdown; this is what is printed without an option too'
complete -c h2k -n "__fish_h2k_using_subcommand report" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand report" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand report" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l key -d 'Open an encrypted volume, as in migrate. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l all -d 'Take back every edit that can be'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l list -d 'List the edits; nothing is changed'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l format -d 'Format of the target\'s disks [default: qcow2]' -r -f -a "qcow2\t''
raw\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l compress -d 'Compress the clusters of qcow2 disks' -r -f -a "zstd\t''
zlib\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l keep-base -d 'Keep the repairs in an overlay over an unchanged copy of the source\'s disks: h2k refix makes them anew without copying, h2k accept ends that. qcow2 only' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l disk-bus -d 'Bus of the target\'s disks; sata is IDE for Windows before Vista [default: virtio-blk, or what a Windows guest has a driver for]' -r -f -a "virtio-blk\t''
virtio-scsi\t''
sata\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l nic-model -d 'Model of the target\'s NICs [default: virtio, or what a Windows guest has a driver for]' -r -f -a "virtio\t''
e1000e\t''
e1000\t''
rtl8139\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l network -d 'Where a source network or a NIC goes: SRC=network:NAME (a libvirt network) or SRC=bridge:NAME (a host bridge). SRC is the name of a network, the MAC address of a NIC, which goes before a name, or * for everything without an option of its own' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l mac -d 'Give the NIC with the MAC address OLD the MAC address NEW on the target; what is tied to OLD in the guest follows. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l ip -d 'Give a NIC an address: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...], written for the guest\'s own network configuration; MAC is the source\'s or the target\'s, an empty GATEWAY is none. Several of one MAC add up. A family (IPv4, IPv6) without an address of its own stays as it was' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l dhcp -d 'Have a NIC get its IPv4 address by DHCP instead of what the guest has. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l cloud-init -d 'What is done about cloud-init [default: no-network, where it would configure the network anew because its datasource is not in the guest; else keep]' -r -f -a "keep\t''
no-network\t''
disable\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l initramfs -d 'How drivers come into an initramfs that lacks them: an archive is appended to it (append), the guest\'s own generator builds it anew (tool), or the first where it is proven and the second elsewhere [default: auto]' -r -f -a "auto\t''
append\t''
tool\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l skip-fixer -d 'Do not make this repair; h2k fixers lists them. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l key -d 'Open an encrypted volume (LUKS, BitLocker): VOLUME:file:PATH (a passphrase or recovery password), VOLUME:key-file:PATH (a key file), VOLUME:env:NAME or VOLUME:- (a passphrase in a variable, on stdin). VOLUME is all, UUID=… or its device in the guest. May be given several times' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l root -d 'Migrate the system whose root device this is, where the disks hold several: as h2k inspect names it, or UUID=…. The others are copied as they are' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l tools -d 'What becomes of the old hypervisor\'s guest tools [default: mask]' -r -f -a "keep\t''
mask\t''
remove\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l agent-packages -d 'Directory with packages of the QEMU guest agent: those that fit a guest without one are installed in it' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l virtio-win -d 'Directory or ISO image with virtio drivers for Windows: those that a Windows guest needs are put into it [default: $VIRTIO_WIN, or where the package virtio-win has it]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l regenerate-identity -d 'Make the guest another one: a new machine id and new SSH host keys at its first boot' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l serial-console -d 'Give the guest a serial console: kernel, GRUB menu and login' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l no-boot -d 'Do not boot the result: then nothing is proven' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l boot-timeout -d 'Seconds that the boot may take [default: depends on whether KVM can be used]' -r
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l no-sample -d 'Do not copy a sample to measure how long the migration takes: the plan then tells no time' -r -f -a "true\t''
false\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l parent -d 'File that may be the parent of a disk (the base of a snapshot), or a directory of such. May be given several times; the disks\' own directories are always looked into' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l temp-dir -d 'Directory for temporary files [default: $TMPDIR, or /var/tmp]' -r -f -a "(__fish_complete_directories)"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand refix" -s n -l dry-run -d 'Only show the plan; nothing is changed'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l fresh-policy -d 'Forget what was wanted before: options, environment and settings files alone decide, as in migrate'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -l discard-changes -d 'Also if a guest was started from the disks, or edits were taken back: what was written since is lost'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand refix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand accept" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand accept" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand accept" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand accept" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand accept" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand fixers" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand rules" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand rules" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand rules" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand rules" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand rules" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand rules" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand rules" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -l json -d 'Print JSON'
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c h2k -n "__fish_h2k_using_subcommand completions" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand completions" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand completions" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand completions" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand completions" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand completions" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand run-job" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand man" -l state -d 'File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand man" -l config -d 'Read this configuration file and no other' -r -F
complete -c h2k -n "__fish_h2k_using_subcommand man" -l log-format -d 'What goes to stderr: lines for people, or one JSON object per event and line [default: text]' -r -f -a "text\t''
json\t''"
complete -c h2k -n "__fish_h2k_using_subcommand man" -s q -l quiet -d 'Only warnings and errors on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand man" -s v -l verbose -d 'Also notes and every program that is started on stderr'
complete -c h2k -n "__fish_h2k_using_subcommand man" -s h -l help -d 'Print help'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "migrate" -d 'Move a VM: plan, repair, copy, boot'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "plan" -d 'Show every change that migrate would make; nothing is touched'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "batch" -d 'Check, describe and begin batch files: many VMs for one night'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "inspect" -d 'Show what the hypervisor and the disks say of a VM'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "test" -d 'Boot results, domains or disks to prove that they run; they are not written to'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "convert" -d 'Copy a disk into another format; nothing inside it is changed'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "verify" -d 'Read disks again and compare them with what was copied'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "status" -d 'Show batches and runs, also while another h2k works on them'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "history" -d 'Show what was done when, and how long it took'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "cancel" -d 'Stop a batch, or a VM, that another h2k works on'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "clean" -d 'Remove what unfinished runs left, and forget them'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "resume" -d 'Go on with batches and runs that were killed or failed'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "report" -d 'Print the report of a finished migration'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "undo" -d 'List the edits of a finished migration, or take them back'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "refix" -d 'Make the repairs of a result anew with other options, without copying'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "accept" -d 'Make a result that keeps its base stand for itself: one file per disk'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "fixers" -d 'List the repairs that h2k knows'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "rules" -d 'List the rules that look for concerns'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "doctor" -d 'Check whether this host has what h2k needs'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "completions" -d 'Print completions for a shell'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "run-job" -d 'Migrate one VM of a batch; started by migrate -f'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "man" -d 'Write the manual pages into a directory'
complete -c h2k -n "__fish_h2k_using_subcommand help; and not __fish_seen_subcommand_from migrate plan batch inspect test convert verify status history cancel clean resume report undo refix accept fixers rules doctor completions run-job man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c h2k -n "__fish_h2k_using_subcommand help; and __fish_seen_subcommand_from batch" -f -a "check" -d 'Show the VMs that a batch file names, or every mistake in it; ends with 2 if there is one'
complete -c h2k -n "__fish_h2k_using_subcommand help; and __fish_seen_subcommand_from batch" -f -a "schema" -d 'Print the JSON Schema of batch files, for editors'
complete -c h2k -n "__fish_h2k_using_subcommand help; and __fish_seen_subcommand_from batch" -f -a "example" -d 'Print a batch file with every key and what it is for'
complete -c h2k -n "__fish_h2k_using_subcommand help; and __fish_seen_subcommand_from batch" -f -a "init" -d 'Begin a batch file with the VMs that are found'
