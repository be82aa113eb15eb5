//! What a thread does for a request that was suspended, in place of httpd's own function.

use super::Request;
use crate::httpd::ffi;
use crate::httpd::status::Status;

impl Request {
    /// Shows in the scoreboard that this thread works on the request: the MPM has noted it as one that is idle.
    pub fn note_worked_on(&self) {
        let (sbh, status) = (self.connection().raw().sbh, ffi::SERVER_BUSY_WRITE as i32);
        // SAFETY: the connection's handle, null while no thread of the MPM's has it; a live request.
        unsafe { ffi::ap_update_child_status(sbh.cast(), status, self.as_ptr()) };
    }

    /// Runs the content handlers behind ours. Returns the status for the client.
    pub fn handle_by_others(&self) -> Status {
        // SAFETY: a live request, which no thread works on but this one.
        match Status(unsafe { ffi::ap_run_handler(self.as_ptr()) }) {
            Status::DECLINED | Status::SUSPENDED => Status::INTERNAL_SERVER_ERROR,
            status => status,
        }
    }

    /// Ends the request with what its content handlers have returned: finishes the response or sends an error, has it
    /// logged, and looks for the next request. The request is gone then.
    pub fn conclude(&self, status: Status) {
        if status.is_answer() || (status == Status::FILTER_ERROR && !self.has_started()) {
            // Else httpd would take this for an error of an error page.
            self.set_status(ffi::HTTP_OK as i32);
        }
        // SAFETY: a live request, which no thread works on but this one.
        unsafe { ffi::ap_die(status.0, self.as_ptr()) };
        // SAFETY: as above; the request is not used after this.
        unsafe { ffi::ap_process_request_after_handler(self.as_ptr()) };
    }
}
