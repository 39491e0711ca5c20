//! Facts about the machine, without which figures mean nothing.

use std::fs;

/// One line: processors, memory, kernel, how busy it is.
pub fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field("/proc/meminfo", "MemTotal").and_then(|total| kibibytes(&total));
    let memory = memory.map_or_else(|| "?".to_owned(), |kib| format!("{:.0} GiB", kib as f64 / 1_048_576.0));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| std::env::consts::OS.to_owned());
    format!("{cores} cores ({model}), {memory}, {}; load average at the beginning: {}", kernel.trim(), load_average())
}

/// How many processes wanted a processor in the last minute.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// Resident memory of a process in KiB, where the system tells.
pub fn resident_kib(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmRSS").and_then(|value| kibibytes(&value))
}

/// The value of the first line `name : value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn kibibytes(value: &str) -> Option<u64> {
    value.strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_of_this_process_is_known() {
        assert!(resident_kib(std::process::id()).is_some_and(|kib| kib > 1_000));
    }
}
