// Uses gophercloud as its users do, and prints what it saw as JSON.
package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"sort"

	"github.com/gophercloud/gophercloud"
	compute "github.com/gophercloud/gophercloud/openstack/compute/v2/images"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/imagedata"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/imageimport"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/images"
	"github.com/gophercloud/gophercloud/openstack/imageservice/v2/members"
	"github.com/gophercloud/gophercloud/pagination"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func client(token, endpoint string) *gophercloud.ServiceClient {
	return &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{TokenID: token},
		Endpoint:       endpoint,
	}
}

// Downloads an image; returns the MD5 of its bytes.
func checksum(of *gophercloud.ServiceClient, id string) string {
	reader, err := imagedata.Download(of, id).Extract()
	check(err)
	hash := md5.New()
	_, err = io.Copy(hash, reader)
	check(err)
	return hex.EncodeToString(hash.Sum(nil))
}

func names(of *gophercloud.ServiceClient) []string {
	found := []string{}
	err := images.List(of, images.ListOpts{Limit: 1}).EachPage(func(page pagination.Page) (bool, error) {
		all, err := images.ExtractImages(page)
		for _, image := range all {
			found = append(found, image.Name)
		}
		return true, err
	})
	check(err)
	sort.Strings(found)
	return found
}

func main() {
	data, err := os.ReadFile(os.Getenv("IMAGE"))
	check(err)
	demo := client(os.Getenv("DEMO"), os.Getenv("IMAGE_URL")+"/v2/")
	alt := client(os.Getenv("ALT"), os.Getenv("IMAGE_URL")+"/v2/")
	project := os.Getenv("ALT_PROJECT")
	visibility := images.ImageVisibilityShared

	made, err := images.Create(demo, images.CreateOpts{
		Name: "made", DiskFormat: "raw", ContainerFormat: "bare", Visibility: &visibility,
		Tags: []string{"one"}, Properties: map[string]string{"os_distro": "debian"},
	}).Extract()
	check(err)
	check(imagedata.Upload(demo, made.ID, bytes.NewReader(data)).ExtractErr())

	staged, err := images.Create(demo, images.CreateOpts{Name: "staged", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
	check(err)
	check(imagedata.Stage(demo, staged.ID, bytes.NewReader(data)).ExtractErr())
	check(imageimport.Create(demo, staged.ID, imageimport.CreateOpts{Name: imageimport.GlanceDirectMethod}).ExtractErr())

	_, err = images.Update(demo, made.ID, images.UpdateOpts{
		images.ReplaceImageName{NewName: "changed"},
		images.ReplaceImageTags{NewTags: []string{"two", "three"}},
		images.ReplaceImageMinDisk{NewMinDisk: 2},
		images.UpdateImageProperty{Op: images.AddOp, Name: "hw_disk_bus", Value: "scsi"},
		images.UpdateImageProperty{Op: images.RemoveOp, Name: "os_distro"},
	}).Extract()
	check(err)

	_, err = members.Create(demo, made.ID, project).Extract()
	check(err)
	_, err = members.Update(alt, made.ID, project, members.UpdateOpts{Status: "accepted"}).Extract()
	check(err)
	listed, err := members.List(demo, made.ID).AllPages()
	check(err)
	all, err := members.ExtractMembers(listed)
	check(err)

	shown, err := images.Get(demo, made.ID).Extract()
	check(err)
	sort.Strings(shown.Tags)
	byCompute, err := compute.Get(client(os.Getenv("DEMO"), os.Getenv("COMPUTE_URL")+"/"), made.ID).Extract()
	check(err)

	answer := map[string]interface{}{
		"name": shown.Name, "status": shown.Status, "tags": shown.Tags, "minDisk": shown.MinDiskGigabytes,
		"bus": shown.Properties["hw_disk_bus"], "distro": shown.Properties["os_distro"], "size": shown.SizeBytes,
		"checksum": checksum(alt, made.ID), "member": []string{all[0].MemberID, all[0].Status},
		"demo": names(demo), "alt": names(alt), "compute": []string{byCompute.Name, byCompute.Status},
	}
	check(members.Delete(demo, made.ID, project).ExtractErr())
	_, missing := images.Get(alt, made.ID).Extract()
	_, answer["missing"] = missing.(gophercloud.ErrDefault404)
	check(images.Delete(demo, made.ID).ExtractErr())
	check(images.Delete(demo, staged.ID).ExtractErr())
	answer["left"] = names(demo)
	check(json.NewEncoder(os.Stdout).Encode(answer))
}
