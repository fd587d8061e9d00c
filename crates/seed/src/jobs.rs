//! What an MSP does all day.

use claudetools_sessions::{TagCategory, WorkItemCategory as Category};

/// A kind of job. In its texts `{server}`, `{pc}` and `{user}` stand for something of the client's.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) category: Category,
    pub(crate) title: &'static str,
    /// What was done, step by step; also the titles of work items.
    pub(crate) steps: &'static [&'static str],
    /// How it ended.
    pub(crate) outcome: &'static str,
    pub(crate) tags: &'static [&'static str],
    pub(crate) technologies: &'static [&'static str],
    /// How often it comes up.
    pub(crate) weight: u64,
}

macro_rules! jobs {
    ($($category:ident, $weight:literal, $title:literal, [$($step:literal),+], $outcome:literal, [$($tag:literal),+], [$($technology:literal),+];)+) => {
        /// The kinds of jobs.
        pub(crate) const JOBS: &[Job] = &[$(Job {
            category: Category::$category,
            title: $title,
            steps: &[$($step),+],
            outcome: $outcome,
            tags: &[$($tag),+],
            technologies: &[$($technology),+],
            weight: $weight,
        }),+];
    };
}

jobs! {
    Troubleshooting, 9, "{user} cannot sign in", ["Check the lockout status of {user}", "Reset the password and end open sessions", "Confirm multi-factor sign-in with {user}"],
        "Signed in again; the old phone had been retired.", ["password", "user-support"], ["Active Directory", "Entra ID"];
    Troubleshooting, 8, "Outlook on {pc} keeps asking for a password", ["Clear stored credentials on {pc}", "Rebuild the Outlook profile", "Check modern authentication for the tenant"],
        "A stale credential was the cause.", ["email", "user-support"], ["Microsoft 365", "Windows 11"];
    Troubleshooting, 6, "No network in the meeting room", ["Trace the port to the switch", "Replace the patch cable", "Test with a laptop"],
        "A broken patch cable; the port is labelled now.", ["network", "outage"], ["UniFi", "VLAN"];
    Troubleshooting, 6, "{pc} is slow", ["Read the event log of {pc}", "Remove unwanted start-up programs", "Check the disk's health"],
        "The disk shows reallocated sectors; replacement quoted.", ["hardware", "user-support"], ["Windows 11"];
    Troubleshooting, 4, "VPN drops every hour", ["Compare client and firewall logs", "Raise the rekey interval", "Watch the tunnel for a day"],
        "Stable since the rekey interval matches on both sides.", ["vpn", "network"], ["FortiGate", "IPsec"];
    Troubleshooting, 5, "Printer prints blank pages", ["Reinstall the driver on {server}", "Clean the print heads", "Print a test page with {user}"],
        "Driver replaced by the maker's universal one.", ["printing", "user-support"], ["Windows Server 2022"];
    Troubleshooting, 3, "Line-of-business application fails on {server}", ["Collect the application log on {server}", "Restart the database service", "Open a case with the vendor"],
        "Service account's password had expired.", ["outage", "line-of-business"], ["SQL Server", "Windows Server 2022"];
    Maintenance, 9, "Monthly patches on {server}", ["Take a snapshot of {server}", "Install updates and restart", "Check services after the restart"],
        "Up to date; all services came back.", ["patching", "maintenance-window"], ["Windows Server 2022", "PowerShell"];
    Maintenance, 6, "Backup of {server} failed", ["Read the job's log", "Free space in the repository", "Run the job again and verify a restore"],
        "A restore of one folder was tested.", ["backup", "storage"], ["Veeam", "Synology"];
    Maintenance, 5, "Quarterly restore test of {server}", ["Restore {server} into the sandbox", "Open three files of each share", "Write the protocol"],
        "Restored in 41 minutes, within the agreed time.", ["backup", "compliance"], ["Veeam", "Hyper-V"];
    Maintenance, 4, "Renew the certificate of the mail gateway", ["Make the signing request", "Install the certificate and its chain", "Set a reminder for next year"],
        "Valid for another year; both chains verified.", ["certificates", "email"], ["TLS", "Nginx"];
    Maintenance, 4, "Firmware of the access points", ["Read the release notes", "Upgrade one access point and watch it", "Upgrade the others after hours"],
        "No roaming trouble reported since.", ["wifi", "maintenance-window"], ["UniFi"];
    Maintenance, 3, "Replace a disk in the array of {server}", ["Identify the failed disk", "Swap it and start the rebuild", "Check the array the day after"],
        "Rebuild finished over night.", ["storage", "hardware"], ["RAID", "Dell iDRAC"];
    Configuration, 8, "New starter: {user}", ["Create the account of {user}", "Assign licences and groups", "Hand over {pc}"],
        "Ready on the first day; contract signed off.", ["onboarding", "user-support"], ["Microsoft 365", "Intune"];
    Configuration, 5, "{user} has left", ["Disable the account of {user}", "Convert the mailbox to a shared one", "Take {pc} back and wipe it"],
        "Access ended on the day; mailbox shared with the manager.", ["offboarding", "security-review"], ["Microsoft 365", "Intune"];
    Configuration, 5, "Enrol {pc} in device management", ["Reset {pc} to autopilot", "Apply the compliance policy", "Install the standard software"],
        "Compliant and encrypted.", ["onboarding", "hardware"], ["Intune", "BitLocker", "Windows 11"];
    Configuration, 4, "Guest network for visitors", ["Add the VLAN on switches and firewall", "Make the guest portal", "Test isolation from the office network"],
        "Guests reach the internet and nothing else.", ["wifi", "network"], ["UniFi", "VLAN", "FortiGate"];
    Configuration, 4, "Publish SPF, DKIM and DMARC", ["List who sends mail for the domain", "Publish the records", "Read the first reports"],
        "Policy at quarantine; reject next month.", ["email", "security-review"], ["DNS", "Microsoft 365"];
    Configuration, 3, "Phone queue for the front desk", ["Draw the call flow with {user}", "Set up the queue and announcements", "Train the front desk"],
        "Calls no longer ring out after closing.", ["telephony", "user-support"], ["Teams Phone", "SIP"];
    Infrastructure, 4, "Move file shares from {server}", ["Copy with permissions", "Switch the namespace", "Watch access for a week"],
        "Old shares are read-only until the end of the month.", ["migration", "storage"], ["DFS", "Windows Server 2022", "PowerShell"];
    Infrastructure, 3, "New virtual host beside {server}", ["Rack and cable the host", "Join it to the cluster", "Move the first machines over"],
        "Half of the load runs on the new host.", ["virtualization", "hardware"], ["Hyper-V", "Proxmox"];
    Infrastructure, 3, "Second internet line", ["Test the line at hand-over", "Set up failover on the firewall", "Pull the plug and time it"],
        "Failover takes eleven seconds.", ["network", "outage"], ["FortiGate", "BGP"];
    Infrastructure, 3, "Split the office network into segments", ["Draw the segments", "Move printers and phones", "Tighten the rules between them"],
        "Printers and phones can no longer reach {server}.", ["network", "security-review"], ["VLAN", "FortiGate"];
    Security, 6, "Phishing mail reported by {user}", ["Read the headers", "Block the sender and purge copies", "Check who has clicked"],
        "Nobody entered a password.", ["phishing", "email"], ["Defender", "Microsoft 365"];
    Security, 4, "Alert: unusual sign-in of {user}", ["Read the sign-in log", "Revoke the sessions of {user}", "Talk to {user}"],
        "It was {user}, travelling.", ["security-review", "user-support"], ["Entra ID", "Defender"];
    Security, 3, "Multi-factor sign-in for everybody", ["List who is not registered", "Send the instructions", "Turn on the policy"],
        "All but two accounts; those are service accounts.", ["security-review", "compliance"], ["Entra ID", "Conditional Access"];
    Security, 3, "Close findings of the scan on {server}", ["Sort the findings", "Disable old protocols on {server}", "Scan again"],
        "No critical finding left.", ["security-review", "compliance"], ["Nessus", "TLS", "Windows Server 2022"];
    Development, 3, "Script: licence report", ["Write the query", "Send the report on the first of the month", "Test with last month's numbers"],
        "Saves the office manager an afternoon a month.", ["automation", "reporting"], ["PowerShell", "Graph API"];
    Development, 2, "Sync tickets with the accounting system", ["Map the fields", "Handle repeated deliveries", "Run both side by side for a week"],
        "A week without a difference.", ["automation", "line-of-business"], ["Python", "REST", "PostgreSQL"];
    Development, 2, "Dashboard for the service desk", ["Agree on the numbers", "Build the queries", "Show it to the desk"],
        "On the wall in the office.", ["reporting", "automation"], ["Grafana", "SQL Server"];
    Documentation, 4, "Network plan of the main office", ["Walk through the rooms", "Draw the plan", "Store it with the other documents"],
        "Matches the switches' own tables.", ["documentation", "network"], ["Draw.io"];
    Documentation, 3, "Emergency handbook", ["Collect phone numbers and contracts", "Write down the order of start", "Go through it with {user}"],
        "Printed copy in the safe.", ["documentation", "compliance"], ["Markdown"];
    Other, 4, "Monthly review with {user}", ["Prepare the figures", "Talk through open tasks", "Send the minutes"],
        "Two new tasks; next review in a month.", ["account-management", "reporting"], ["Teams"];
    Other, 2, "Quote for new workstations", ["Ask two distributors", "Compare warranty and delivery", "Send the quote to {user}"],
        "Twelve machines, delivery in three weeks.", ["account-management", "hardware"], ["Excel"];
}

/// The tags that jobs bear, and what they speak of.
pub(crate) const TAGS: [(&str, TagCategory); 33] = [
    ("account-management", TagCategory::Client),
    ("automation", TagCategory::Action),
    ("backup", TagCategory::Service),
    ("certificates", TagCategory::Technology),
    ("compliance", TagCategory::Service),
    ("documentation", TagCategory::Action),
    ("email", TagCategory::Service),
    ("hardware", TagCategory::Infrastructure),
    ("line-of-business", TagCategory::Client),
    ("maintenance-window", TagCategory::Action),
    ("migration", TagCategory::Action),
    ("network", TagCategory::Infrastructure),
    ("offboarding", TagCategory::Action),
    ("onboarding", TagCategory::Action),
    ("outage", TagCategory::ProblemType),
    ("password", TagCategory::ProblemType),
    ("patching", TagCategory::Action),
    ("phishing", TagCategory::ProblemType),
    ("printing", TagCategory::ProblemType),
    ("reporting", TagCategory::Service),
    ("security-review", TagCategory::Service),
    ("storage", TagCategory::Infrastructure),
    ("telephony", TagCategory::Service),
    ("user-support", TagCategory::Service),
    ("virtualization", TagCategory::Technology),
    ("vpn", TagCategory::Technology),
    ("wifi", TagCategory::Infrastructure),
    // Borne by few or none, as it goes with tags.
    ("contract-renewal", TagCategory::Client),
    ("remote-site", TagCategory::Infrastructure),
    ("ransomware", TagCategory::ProblemType),
    ("training", TagCategory::Service),
    ("vendor-case", TagCategory::Action),
    ("windows-10-eol", TagCategory::Technology),
];

/// What projects are about: name, category, estimated hours.
pub(crate) const PROJECTS: [(&str, &str, i64); 22] = [
    ("Microsoft 365 migration", "migration", 80),
    ("Firewall replacement", "network", 24),
    ("Server room clean-up", "infrastructure", 16),
    ("Windows 11 roll-out", "endpoints", 60),
    ("Backup to the cloud", "backup", 32),
    ("Office move", "infrastructure", 90),
    ("Wi-Fi survey and renewal", "network", 40),
    ("Phone system replacement", "telephony", 56),
    ("Multi-factor sign-in", "security", 20),
    ("File server to SharePoint", "migration", 70),
    ("Network segmentation", "security", 44),
    ("Device management", "endpoints", 36),
    ("Virtualisation host renewal", "infrastructure", 48),
    ("Cyber insurance questionnaire", "compliance", 12),
    ("Disaster recovery plan", "compliance", 30),
    ("Branch office connection", "network", 28),
    ("ERP upgrade support", "applications", 64),
    ("Email security", "security", 18),
    ("Print service renewal", "endpoints", 14),
    ("Monitoring and alerting", "operations", 26),
    ("Intranet", "applications", 50),
    ("Staff awareness training", "security", 10),
];

/// What is left to do after a session.
pub(crate) const TASKS: [&str; 20] = [
    "Order a replacement disk for {server}",
    "Ask {user} whether it has come back",
    "Send the quote for new licences",
    "Renew the support contract of {server}",
    "Update the documentation of {server}",
    "Remove the old account of {user}",
    "Schedule the restart of {server} after hours",
    "Call the provider about the line",
    "Return {pc} to the distributor",
    "Test the restore of {server}",
    "Add {pc} to monitoring",
    "Review the firewall rules",
    "Plan the replacement of {server}",
    "Train {user} on the new phone",
    "Change the administrator's password",
    "Check the backup report with {user}",
    "Raise the storage quota",
    "Close the vendor's case",
    "Replace the UPS battery",
    "Invite {user} to the review",
];

/// What tasks wait for, when they are held up.
pub(crate) const OBSTACLES: [&str; 6] = [
    "Waiting for the client's approval",
    "Part is on back-order",
    "The vendor's case is open",
    "Needs a maintenance window",
    "The contact is on holiday",
    "Waiting for the provider's appointment",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_of_a_job_is_known() {
        let unknown = JOBS.iter().flat_map(|job| job.tags).find(|tag| !TAGS.iter().any(|(known, _)| known == *tag));
        assert_eq!(unknown, None);
    }

    #[test]
    fn every_category_of_work_comes_up() {
        use claudetools_kernel::Enumeration;
        assert!(Category::ALL.iter().all(|category| JOBS.iter().any(|job| job.category == *category)));
    }
}
